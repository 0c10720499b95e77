import type { Clock, Timer } from '@podwire/core';

/**
 * How long the first calls wait for more Pods after the first one is ready, so that they are spread over all Pods
 * and not all sent to the first.
 */
const SPREAD_MS = 100;

/** Whether a cluster's first calls may go out: all Pods were tried, or the first has been ready for a while. */
export class WarmUp {
  isOver = false;
  readonly #clock: Clock;
  readonly #onOver: () => void;
  #timer: Timer | undefined;

  /** `onOver` is called when the warm-up ends because its time is over. */
  constructor(clock: Clock, onOver: () => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** `ready`: Pods that take calls. `settled`: all Pods were tried. */
  look(ready: number, settled: boolean): void {
    if (ready === 0 || settled) {
      this.stop();
      this.isOver = ready > 0;
      return;
    }
    if (this.isOver) return;
    this.#timer ??= this.#clock.after(SPREAD_MS, () => {
      this.isOver = true;
      this.#onOver();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
