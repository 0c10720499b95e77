import { type Timers, timers } from './timers.ts';

/** Into how many parts a limit is divided, unless they would be shorter than the next constant. */
const PARTS = 10;
/** Shorter parts would be late even without a stall. */
const MIN_PART_MS = 50;
/** A part that takes this many times its length means that the event loop stalled. */
const LATE = 2;
/** How many parts are added when the last one ends in a stall. */
const EXTRA_PARTS = 3;

/** The clock of a time limit. */
export type Time = Pick<Timers, 'nowMs' | 'after' | 'setImmediate'>;

/**
 * Limits how long a peer may take, as far as this process could watch it. A stall of the event loop, however long, counts as one
 * part at most. Time is never up right after a stall, before sockets were read and answered again.
 */
export class TimeLimit {
  readonly #partMs: number;
  readonly #wanted: number;
  readonly #expired: () => void;
  readonly #time: Time;
  #timer: ReturnType<Time['after']> | undefined;
  #parts = 0;
  #stopped = false;

  constructor(limitMs: number, expired: () => void, time: Time = timers) {
    this.#partMs = Math.min(limitMs, Math.max(MIN_PART_MS, limitMs / PARTS));
    this.#wanted = Math.ceil(limitMs / this.#partMs);
    this.#expired = expired;
    this.#time = time;
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #next(): void {
    const time = this.#time;
    const startMs = time.nowMs();
    this.#timer = time.after(this.#partMs, () => {
      this.#parts += 1;
      const late = time.nowMs() - startMs > LATE * this.#partMs;
      // A process that always stalls must stop waiting, too. Each part was at least one turn of its event loop.
      if (this.#parts < this.#wanted || (late && this.#parts < this.#wanted + EXTRA_PARTS)) this.#next();
      else time.setImmediate(() => this.#stopped || this.#expired());
    });
  }
}
