/** Somebody with something to write. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];
/** The other of two lists that take turns. */
let empty: Flushable[] = [];

/**
 * Flushes at the end of this turn of the event loop, after every socket that was ready has been read: the answers to
 * all that arrived leave together. Ask once a turn.
 */
export function flushAtEndOfTurn(flushable: Flushable): void {
  if (waiting.push(flushable) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const all = waiting;
  waiting = empty;
  empty = [];
  let at = 0;
  try {
    while (at < all.length) all[at++]!.flush();
  } finally {
    // What one throws, such as a callback of its caller, is its own affair: the others asked once, and wait.
    while (at < all.length) flushAtEndOfTurn(all[at++]!);
    all.length = 0;
    empty = all;
  }
}
