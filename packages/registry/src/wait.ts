import type { Clock } from './clock.ts';

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** How long a turn of the event loop works before it lets other work in. */
export const TURN_MS = 2;

/** Work that is done in turns, so that no amount of it makes the event loop stand still. */
export class Turns {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #startMs: number;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#startMs = clock.nowMs();
  }

  /** Whether this turn has worked long enough: then `next` is to be awaited. */
  get over(): boolean {
    return this.#clock.nowMs() - this.#startMs >= TURN_MS;
  }

  async next(): Promise<void> {
    await pause(this.#clock, 0, this.#signal);
    this.#startMs = this.#clock.nowMs();
  }
}

/** A flag that one side raises and the other waits for; raising it twice before it is seen counts once. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when it was rung, or `signal` aborted, or `delayMs` passed. */
  wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer?.cancel();
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        this.#rung = false;
        resolve();
      };
      const timer = delayMs === Number.POSITIVE_INFINITY ? undefined : clock.after(delayMs, done);
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
      if (this.#rung || signal.aborted) done();
    });
  }
}

/**
 * What a promise gives, undefined when `signal` aborts first; throws when it takes longer than `limitMs`. The promise is
 * left to itself then, and what becomes of it is nobody's business.
 */
export async function within<T>(
  promise: Promise<T>,
  limitMs: number,
  complaint: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<T | undefined> {
  const done = new AbortController();
  const stop = () => done.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const limit = pause(clock, limitMs, done.signal).then(() => {
    if (!done.signal.aborted) throw new Error(`${complaint} within ${limitMs} ms`);
    return undefined;
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
