import type { Invariant } from './check.ts';

/** H13 */
export const counts: Invariant = {
  id: 'H13',
  text: 'the snapshot is the truth',
  begin: (_book, fail) => ({
    see(entry) {
      if (entry.is !== 'counts') return;
      const { told, true: truth, client, atMs } = entry;
      if (told.open !== truth.open) fail(atMs, `${client} tells of ${told.open} open calls of ${truth.open}`);
      for (const [pod, [inFlight, ever, connections]] of Object.entries(told.pods)) {
        const [trueInFlight, trueEver, trueConnections] = truth.pods[pod]!;
        if (inFlight !== trueInFlight)
          fail(atMs, `${client} tells of ${inFlight} attempts in flight on ${pod}, of ${trueInFlight}`);
        // An attempt that found its connection full counts as begun.
        if (ever < trueEver) fail(atMs, `${client} tells of ${ever} attempts on ${pod}, of ${trueEver}`);
        if (connections > trueConnections)
          fail(atMs, `${client} tells of ${connections} connections to ${pod}, of ${trueConnections}`);
      }
    },
  }),
};
