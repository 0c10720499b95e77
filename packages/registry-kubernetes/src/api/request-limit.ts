import type { KubernetesError } from './error.ts';

interface Waiting {
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

/** Limits how many requests wait for an answer at the same time; further requests queue in order. */
export class RequestLimit {
  #free: number;
  readonly #waiting = new Set<Waiting>();

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Starts `work` when its turn comes. Rejects as `work` does, or when `signal` aborts earlier. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** The server was not reached: fails the queued requests now, instead of letting each find out by itself. */
  fail(error: KubernetesError): void {
    for (const { fail } of [...this.#waiting]) fail(error);
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(one);
        signal.removeEventListener('abort', onAbort);
      };
      const one: Waiting = {
        go: () => {
          leave();
          resolve();
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = () => one.fail(signal.reason);
      this.#waiting.add(one);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first !== undefined) return first.go();
    this.#free += 1;
  }
}
