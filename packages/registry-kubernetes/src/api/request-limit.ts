import type { KubernetesError } from './error.ts';

/** Who waits; the ones that come first in `ORDER` go before the others, and among themselves in the order in which they came. */
type Kind = 'watch' | 'list';
/** A watch goes on with what a list has begun: its connection is open, and somebody waits for it. */
const ORDER: readonly Kind[] = ['watch', 'list'];

interface Waiting {
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

/** Lets so many requests wait for their answer at the same time; the others wait for their turn. */
export class RequestLimit {
  #free: number;
  readonly #waiting: Readonly<Record<Kind, Set<Waiting>>> = { watch: new Set(), list: new Set() };

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Does the work when it is its turn. Rejects as the work does, or when `signal` aborts before. */
  async run<T>(kind: Kind, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(kind, signal);
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** Nobody was reached: those that wait need not find that out one after the other. */
  fail(error: KubernetesError): void {
    for (const kind of ORDER) for (const { fail } of [...this.#waiting[kind]]) fail(error);
  }

  #wait(kind: Kind, signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting[kind];
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(one);
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
      waiting.add(one);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #next(): void {
    for (const kind of ORDER) {
      const [first] = this.#waiting[kind];
      if (first !== undefined) return first.go();
    }
    this.#free += 1;
  }
}
