import type { World } from '../../connection/env.ts';

/** A writer that has something to write. */
export interface Flushable {
  flush(): void;
}

/** A turn that has not ended after so long has, or its event loop stalls: either way another end of it does no harm. */
const LOST_MS = 1_000;

/** The writers of all connections of one world that are flushed at the end of this turn of its event loop. */
export class Turn {
  readonly #world: Pick<World, 'nowMs' | 'setImmediate' | 'soon'>;
  #waiting: Flushable[] = [];
  /** The other of two lists that take turns. */
  #empty: Flushable[] = [];
  /** When the end of this turn was asked for. */
  #armedMs = 0;
  readonly #flushAll = () => this.#flush();

  constructor(world: Pick<World, 'nowMs' | 'setImmediate' | 'soon'>) {
    this.#world = world;
  }

  /**
   * Flushes at the end of this turn of the event loop, after every socket that was ready has been read: the answers to
   * all that arrived leave together. Ask once a turn.
   */
  flushAtEnd(flushable: Flushable): void {
    if (this.#waiting.push(flushable) > 1) return this.flushOverdue();
    this.#armedMs = this.#world.nowMs();
    this.#world.setImmediate(this.#flushAll);
  }

  /**
   * Asks for another end of the turn when the one that was asked for never came. All connections of the world wait for it: nothing
   * would be written any more.
   */
  flushOverdue(): void {
    if (this.#waiting.length === 0 || this.#world.nowMs() - this.#armedMs < LOST_MS) return;
    this.#armedMs = this.#world.nowMs();
    this.#world.soon(this.#flushAll);
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = this.#empty;
    this.#empty = [];
    let at = 0;
    try {
      while (at < all.length) all[at++]!.flush();
    } finally {
      // What one throws, such as a callback of its caller, is its own affair: the others asked once, and wait.
      while (at < all.length) this.flushAtEnd(all[at++]!);
      all.length = 0;
      this.#empty = all;
    }
  }
}

const turns = new WeakMap<World, Turn>();

/** The one that all connections of a world share. */
export function turnOf(world: World): Turn {
  let turn = turns.get(world);
  if (turn === undefined) {
    turn = new Turn(world);
    turns.set(world, turn);
  }
  return turn;
}
