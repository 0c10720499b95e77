import type { Clock, Timer } from '@podwire/core';

/** Another clock's time, with a count of the timers that were set here. */
export class CountingClock implements Clock {
  readonly #clock: Clock;
  /** Timers that have not run. */
  pending = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(delayMs: number, fn: () => void): Timer {
    let isPending = true;
    const over = () => {
      if (isPending) this.pending -= 1;
      isPending = false;
    };
    this.pending += 1;
    const timer = this.#clock.after(delayMs, () => {
      over();
      fn();
    });
    return {
      cancel() {
        over();
        timer.cancel();
      },
    };
  }
}
