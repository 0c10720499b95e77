import { type Hold, timers } from '@podwire/core';

/**
 * Keeps the process alive while a caller waits for something. Sockets and timers of podwire do not keep it alive by
 * themselves.
 */
export class ProcessRef {
  #count = 0;
  #hold: Hold | undefined;

  ref(): void {
    if (this.#count++ > 0) return;
    if (this.#hold === undefined) this.#hold = timers.hold();
    else this.#hold.ref();
  }

  unref(): void {
    if (--this.#count === 0) this.#hold?.unref();
  }

  /** Leaves no timer behind; a later `ref` makes a new one. */
  clear(): void {
    this.#hold?.close();
    this.#hold = undefined;
  }
}
