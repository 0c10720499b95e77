import type { Clock } from './clock.ts';

/** A flag that one party raises and another waits for. Raising it twice before it is seen counts once. */
export class WakeFlag {
  #raised = false;
  #wake: (() => void) | undefined;

  raise(): void {
    this.#raised = true;
    this.#wake?.();
  }

  /** Resolves when it was raised, or `signal` aborted, or `delayMs` passed. */
  wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer?.cancel();
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        this.#raised = false;
        resolve();
      };
      const timer = delayMs === Number.POSITIVE_INFINITY ? undefined : clock.after(delayMs, done);
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
      if (this.#raised || signal.aborted) done();
    });
  }
}
