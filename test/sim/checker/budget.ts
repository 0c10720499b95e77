import type { Invariant } from './check.ts';

interface Window {
  readonly calls: number[];
  readonly retries: number[];
}

function since(times: number[], fromMs: number): number {
  while (times.length > 0 && times[0]! < fromMs) times.shift();
  return times.length;
}

/** H8: only for clients with a retry budget. */
export const budget: Invariant = {
  id: 'H8',
  text: 'attempts stay within the retry budget in every window',
  begin(book, fail) {
    const windows = new Map<string, Window>();
    return {
      see(entry) {
        if (entry.is !== 'call' && entry.is !== 'attempt') return;
        const { facts } = book.clients.get(entry.client)!;
        if (facts.retryBudget === undefined) return;
        const window = windows.get(entry.client) ?? { calls: [], retries: [] };
        windows.set(entry.client, window);
        if (entry.is === 'call') window.calls.push(entry.atMs);
        else if ((book.calls.get(entry.call)?.attempts.length ?? 1) > 2) {
          // The first attempt is none, and the second may be the one that is free (gRFC A6, transparent retries).
          window.retries.push(entry.atMs);
          const { percent, minPerSecond, windowMs } = facts.retryBudget;
          const calls = since(window.calls, entry.atMs - windowMs);
          const retries = since(window.retries, entry.atMs - windowMs);
          const most = (calls * percent) / 100 + (minPerSecond * windowMs) / 1_000 + 1;
          if (retries > most)
            fail(entry.atMs, `${entry.client}: ${retries} retries with ${calls} calls in ${windowMs} ms`);
        }
      },
    };
  },
};
