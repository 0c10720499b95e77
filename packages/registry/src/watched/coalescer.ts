import type { Clock, Timer } from '@podwire/core';

/**
 * Coalesces requests: runs `fn` once, in a turn of its own, for everything requested since, and at most once per `everyMs`.
 */
export class Coalescer {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #fn: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock, everyMs: number, fn: () => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#fn = fn;
  }

  request(): void {
    if (this.#timer !== undefined) return;
    const delayMs = Math.max(0, this.#lastMs + this.#everyMs - this.#clock.nowMs());
    this.#timer = this.#clock.after(delayMs, () => this.#run());
  }

  /** Runs what waits now. */
  flush(): void {
    if (this.#timer !== undefined) this.#run();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    this.cancel();
    this.#lastMs = this.#clock.nowMs();
    this.#fn();
  }
}
