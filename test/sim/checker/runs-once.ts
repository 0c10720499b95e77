import type { Invariant } from './check.ts';

/** H2 */
export const runsOnce: Invariant = {
  id: 'H2',
  text: 'no server runs a call a second time, unless a policy of the call allows it',
  begin: (book, fail) => ({
    see(entry) {
      if (entry.is !== 'serve') return;
      const call = book.calls.get(entry.call);
      if (call === undefined) return;
      const { maxAttempts } = book.clientOf(call).facts;
      if (call.serves.length <= maxAttempts) return;
      const where = call.serves.map(({ pod, process }) => `${pod} (process ${process})`).join(', ');
      fail(entry.atMs, `call ${call.call} ran ${call.serves.length} times, on ${where}`);
    },
  }),
};
