import type { Invariant } from './check.ts';

/** Reasons that say that there was no Pod. */
const NO_POD = new Set(['NO_CONNECTION', 'NO_ENDPOINTS', 'WAIT_TIMEOUT']);
/** A connection that is being made, the longest wait before the next one with its jitter, and a SYN that was lost. */
const FOUND_MS = 5_000 + 10_000 * 1.2 + 5_000;

/** H11 */
export const wantsNoPod: Invariant = {
  id: 'H11',
  text: 'no call fails for want of a Pod while one accepts it',
  begin: (book, fail) => ({
    see(entry) {
      if (entry.is !== 'end' || entry.reason === undefined || !NO_POD.has(entry.reason)) return;
      const call = book.calls.get(entry.call);
      if (call === undefined || call.names !== undefined) return;
      const client = book.clientOf(call);
      if (client.mode !== 'direct') return;
      const ready = [...client.serving].filter((pod) => client.states.get(pod) === 'ready');
      // A Pod that is ready may have no room: then waiting in vain is right.
      if (ready.length > 0 && entry.reason !== 'WAIT_TIMEOUT')
        fail(entry.atMs, `call ${entry.call} failed with ${entry.reason}; ready: ${ready.join(', ')}`);
      if (ready.length > 0 || client.facts.subset !== undefined) return;
      const able = [...client.serving].filter((pod) => book.ableForMs(pod, entry.atMs) > FOUND_MS);
      if (able.length > 0)
        fail(entry.atMs, `call ${entry.call} failed with ${entry.reason}; long able: ${able.join(', ')}`);
    },
  }),
};
