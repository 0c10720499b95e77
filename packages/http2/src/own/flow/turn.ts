import { timers } from '@podwire/core';

/** A writer that has something to write. */
export interface Flushable {
  flush(): void;
}

/** A turn that has not ended after so long has, or its event loop stalls: either way another end of it does no harm. */
const LOST_MS = 1_000;

let waiting: Flushable[] = [];
/** The other of two lists that take turns. */
let empty: Flushable[] = [];
/** When the end of this turn was asked for. */
let armedMs = 0;

/**
 * Flushes at the end of this turn of the event loop, after every socket that was ready has been read: the answers to
 * all that arrived leave together. Ask once a turn.
 */
export function flushAtEndOfTurn(flushable: Flushable): void {
  if (waiting.push(flushable) > 1) return flushOverdue();
  armedMs = timers.nowMs();
  timers.setImmediate(flushAll);
}

/**
 * Asks for another end of the turn when the one that was asked for never came. All connections of the process wait for it: nothing
 * would be written any more.
 */
export function flushOverdue(): void {
  if (waiting.length === 0 || timers.nowMs() - armedMs < LOST_MS) return;
  armedMs = timers.nowMs();
  timers.soon(flushAll);
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
