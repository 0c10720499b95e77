import type { Clock } from '@podwire/core';
import type { ProcessRef } from '../process-ref.ts';

/** Callers that wait until a channel's calls can go out. Each of them keeps the process alive. */
export class Readiness {
  readonly #clock: Clock;
  readonly #ref: ProcessRef;
  readonly #isReady: () => boolean;
  readonly #waiters = new Set<(result: boolean) => void>();
  #closed = false;

  constructor(clock: Clock, processRef: ProcessRef, isReady: () => boolean) {
    this.#clock = clock;
    this.#ref = processRef;
    this.#isReady = isReady;
  }

  /** True when the channel was or became ready, false when `timeoutMs` passed first or it was closed. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (this.#closed || this.#isReady()) return !this.#closed;
    this.#ref.ref();
    const ready = await new Promise<boolean>((resolve) => {
      const done = (result: boolean) => {
        timer.cancel();
        this.#waiters.delete(done);
        resolve(result);
      };
      const timer = this.#clock.after(timeoutMs, () => done(false));
      this.#waiters.add(done);
    });
    this.#ref.unref();
    return ready;
  }

  /** Call it when the channel may have become ready. */
  look(): void {
    if (this.#waiters.size === 0 || !this.#isReady()) return;
    for (const done of [...this.#waiters]) done(true);
  }

  close(): void {
    this.#closed = true;
    for (const done of [...this.#waiters]) done(false);
  }
}
