import type { Invariant } from './check.ts';

/** H10 */
export const polices: Invariant = {
  id: 'H10',
  text: 'no server ends a connection because of too many PINGs or resets',
  begin: (_book, fail) => ({
    see(entry) {
      if (entry.is === 'police') fail(entry.atMs, `${entry.pod} was sent too many ${entry.what}`);
    },
  }),
};
