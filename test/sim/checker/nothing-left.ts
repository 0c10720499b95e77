import type { Invariant } from './check.ts';

/** H5 */
export const nothingLeft: Invariant = {
  id: 'H5',
  text: 'in the end there is no call, timer, socket or count of attempts in flight',
  begin(_book, fail) {
    let attempts = 0;
    return {
      see(entry) {
        if (entry.is === 'attempt') attempts += 1;
        if (entry.is === 'attemptEnd') attempts -= 1;
        if (entry.is !== 'over') return;
        const { calls, timers, sockets } = entry;
        const left = Object.entries({ calls, timers, sockets, attempts }).filter(([, count]) => count !== 0);
        if (left.length > 0)
          fail(entry.atMs, `left: ${left.map(([what, count]) => `${count} ${what}`).join(', ')}`);
      },
    };
  },
};
