const NEVER_MS = 0x7fffffff;

/**
 * Keeps the process alive while it is held at least once: a caller waits for something, though no socket or
 * timer of podwire does so by itself.
 */
export class ProcessHold {
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  acquire(): void {
    if (this.#count++ > 0) return;
    if (this.#timer === undefined) this.#timer = setInterval(() => {}, NEVER_MS);
    else this.#timer.ref();
  }

  release(): void {
    if (--this.#count === 0) this.#timer?.unref();
  }

  /** Leaves no timer behind; a later `acquire` makes a new one. */
  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
