import type { Clock } from './clock.ts';
import { pause } from './pause.ts';

/**
 * The result of a promise, or undefined when `signal` aborts first; throws when the promise takes longer than `limitMs`. Its later
 * result is ignored.
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
