import type { Invariant } from './check.ts';
import { Pace } from './pace.ts';

/** The engine stops at 1 MiB for calls and at 2 MiB for answers; a message may be on top. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;
/** Connections that finish their calls, besides those in use. */
const RETIRING = 8;

/** H12 */
export const bounds: Invariant = {
  id: 'H12',
  text: 'buffers, the queue, connections and the pace of connecting stay within their bounds',
  begin: (book, fail) => {
    const pace = new Pace(fail);
    return {
      see(entry) {
        pace.see(entry);
        if (entry.is === 'held' && entry.bytes > MAX_HELD_BYTES)
          fail(entry.atMs, `a connection to ${entry.pod} holds ${entry.bytes} bytes`);
        if (entry.is !== 'counts') return;
        const { maxWaiting, maxConnectionsPerPod } = book.clients.get(entry.client)!.facts;
        if (entry.told.waiting > maxWaiting) fail(entry.atMs, `${entry.told.waiting} calls wait`);
        for (const [pod, [, , connections]] of Object.entries(entry.told.pods))
          if (connections > maxConnectionsPerPod + RETIRING)
            fail(entry.atMs, `${entry.client} has ${connections} connections to ${pod}`);
      },
    };
  },
};
