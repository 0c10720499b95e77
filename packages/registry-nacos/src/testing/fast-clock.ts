import { type Clock, systemClock } from '@podwire/core';

/** The real clock, on which waits take `1 / speed` of their time. It knows which of them are not over. */
export class FastClock implements Clock {
  /** Delays that were asked for, in ms before they are shortened. */
  readonly delaysMs: number[] = [];
  readonly #pending = new Set<object>();
  readonly #speed: number;

  constructor(speed: number) {
    this.#speed = speed;
  }

  /** Timers that neither fired nor were cancelled. */
  get pending(): number {
    return this.#pending.size;
  }

  nowMs(): number {
    return systemClock.nowMs();
  }

  wallMs(): number {
    return systemClock.wallMs();
  }

  after(delayMs: number, fn: () => void) {
    this.delaysMs.push(delayMs);
    const timer = systemClock.after(delayMs / this.#speed, () => {
      this.#pending.delete(timer);
      fn();
    });
    this.#pending.add(timer);
    const cancel = () => {
      this.#pending.delete(timer);
      timer.cancel();
    };
    return { cancel };
  }
}
