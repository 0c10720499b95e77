/** A limit is counted in so many parts. */
const PARTS = 10;
/** A part that took this many times its length tells of an event loop that stalled. */
const LATE = 2;

/**
 * How long a peer may take, counted while this process could see what it does: a stall of the event loop, however long, counts as one
 * part at most, and the time is never up behind a stall, before sockets were read and answered again.
 */
export class TimeLimit {
  readonly #partMs: number;
  readonly #expired: () => void;
  #timer: NodeJS.Timeout | undefined;
  #parts = 0;
  #stopped = false;

  constructor(limitMs: number, expired: () => void) {
    this.#partMs = Math.max(1, limitMs / PARTS);
    this.#expired = expired;
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #next(): void {
    const startMs = performance.now();
    this.#timer = setTimeout(() => {
      this.#parts += 1;
      const late = performance.now() - startMs > LATE * this.#partMs;
      // A process that always stalls must end its waiting as well.
      if (this.#parts < PARTS || (late && this.#parts < 2 * PARTS)) this.#next();
      else setImmediate(() => this.#stopped || this.#expired());
    }, this.#partMs).unref();
  }
}
