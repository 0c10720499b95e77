import { type Timers, timers } from './timers.ts';

/** A limit is counted in so many parts, or fewer of this length: shorter ones would be late without a stall. */
const PARTS = 10;
const MIN_PART_MS = 50;
/** A part that took this many times its length tells of an event loop that stalled. */
const LATE = 2;
/** Those that a stall behind which time would be up adds. */
const EXTRA_PARTS = 3;

/** The time that a limit is counted in. */
export type Time = Pick<Timers, 'nowMs' | 'after' | 'setImmediate'>;

/**
 * How long a peer may take, counted while this process could see what it does: a stall of the event loop, however long, counts as one
 * part at most, and the time is never up behind a stall, before sockets were read and answered again.
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
      // A process that always stalls must end its waiting as well; each part was a turn of its event loop at least.
      if (this.#parts < this.#wanted || (late && this.#parts < this.#wanted + EXTRA_PARTS)) this.#next();
      else time.setImmediate(() => this.#stopped || this.#expired());
    });
  }
}
