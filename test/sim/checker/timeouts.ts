import type { Invariant } from './check.ts';

/** A header counts whole milliseconds, rounded up. */
const ROUNDING_MS = 1.01;

/** H15 */
export const timeouts: Invariant = {
  id: 'H15',
  text: 'grpc-timeout is the time that is left, and shrinks from attempt to attempt',
  begin: (book, fail) => ({
    see(entry) {
      if (entry.is !== 'serve') return;
      const call = book.calls.get(entry.call);
      if (call === undefined) return;
      const { deadlineMs, attempts, serves } = call;
      if ((deadlineMs === undefined) !== (entry.timeoutMs === undefined))
        return fail(entry.atMs, `call ${entry.call} has ${deadlineMs === undefined ? 'no ' : 'a '}deadline`);
      if (deadlineMs === undefined || entry.timeoutMs === undefined) return;
      const time = entry.timeoutMs;
      const left = attempts
        .filter(({ pod, atMs }) => pod === entry.pod && atMs <= entry.atMs)
        .map(({ atMs }) => Math.max(deadlineMs - atMs, 0));
      const isRight = (leftMs: number) => time > leftMs - ROUNDING_MS && time < leftMs + ROUNDING_MS;
      if (left.length > 0 && !left.some(isRight))
        fail(entry.atMs, `call ${entry.call} was sent with ${time} ms; left were ${left.join(' or ')}`);
      const { previous = 0 } = entry;
      const earlier = serves.find((one) => (one.previous ?? 0) < previous && one.timeoutMs! < time);
      if (earlier !== undefined)
        fail(entry.atMs, `call ${entry.call}: its time grew from ${earlier.timeoutMs} to ${time} ms`);
    },
  }),
};
