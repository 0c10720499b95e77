import type { World } from '../../connection/env.ts';

/** A writer that has something to write. */
export interface Flushable {
  flush(): void;
}

/** If a turn's end does not come within this time, it was lost or the event loop stalls; in both cases another end does no harm. */
const LOST_MS = 1_000;

/** The writers of all connections of one world that are flushed at the end of this turn of its event loop. */
export class Turn {
  readonly #world: Pick<World, 'nowMs' | 'setImmediate' | 'soon'>;
  #waiting: Flushable[] = [];
  /** The spare list: the two alternate. */
  #empty: Flushable[] = [];
  /** When the end of this turn was requested. */
  #armedMs = 0;
  readonly #flushAll = () => this.#flush();

  constructor(world: Pick<World, 'nowMs' | 'setImmediate' | 'soon'>) {
    this.#world = world;
  }

  /**
   * Flushes at the end of this turn of the event loop, after every ready socket has been read, so that the answers to all received
   * data leave together. To be called once a turn.
   */
  flushAtEnd(flushable: Flushable): void {
    if (this.#waiting.push(flushable) > 1) return this.flushOverdue();
    this.#armedMs = this.#world.nowMs();
    this.#world.setImmediate(this.#flushAll);
  }

  /**
   * Requests another end of the turn when the first never came. All connections of the world wait for it, and would write nothing
   * any more.
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
      // If one throws, for example in a caller's callback, the others must still be flushed: they do not ask again.
      while (at < all.length) this.flushAtEnd(all[at++]!);
      all.length = 0;
      this.#empty = all;
    }
  }
}

const turns = new WeakMap<World, Turn>();

/** The turn that all connections of a world share. */
export function turnOf(world: World): Turn {
  let turn = turns.get(world);
  if (turn === undefined) {
    turn = new Turn(world);
    turns.set(world, turn);
  }
  return turn;
}
