import type { Clock, Timer } from '@podwire/core';

/** The time that calls in flight have while their channel closes. */
export class Grace {
  /** Resolves when the time has passed. */
  readonly over: Promise<void>;
  readonly #clock: Clock;
  #end!: () => void;
  #endMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Ends the time in `graceMs` at the latest. */
  limit(graceMs: number): void {
    const endMs = this.#clock.nowMs() + graceMs;
    if (endMs >= this.#endMs) return;
    this.#endMs = endMs;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(graceMs, this.#end);
  }

  /** The calls have ended: nothing is left to wait for. */
  stop(): void {
    this.#endMs = 0;
    this.#timer?.cancel();
  }
}
