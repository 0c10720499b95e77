import type { Invariant } from './check.ts';

/** How late the end of a call may be told. */
const LATE_MS = 50;

/** H1 */
export const endsOnce: Invariant = {
  id: 'H1',
  text: 'each call ends once, by its deadline',
  begin: (book, fail) => ({
    see(entry) {
      if (entry.is !== 'end') return;
      const call = book.calls.get(entry.call);
      if (call === undefined)
        return fail(entry.atMs, `call ${entry.call} ended long after its end, or never began`);
      if (call.ends.length > 1) fail(entry.atMs, `call ${entry.call} ended ${call.ends.length} times`);
      // While the process stands still, it ends nothing.
      const dueMs = Math.max(call.deadlineMs ?? Number.POSITIVE_INFINITY, book.stall.untilMs);
      if (entry.atMs > dueMs + LATE_MS)
        fail(entry.atMs, `call ${entry.call} ended ${Math.round(entry.atMs - dueMs)} ms after its deadline`);
    },
    finish() {
      for (const { call, ends, atMs } of book.calls.values())
        if (ends.length === 0) fail(atMs, `call ${call} never ended`);
    },
  }),
};
