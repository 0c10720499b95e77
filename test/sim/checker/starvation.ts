import type { CallRecord } from './book.ts';
import type { Invariant } from './check.ts';

/** Calls that began so much later, and so many of them, must not be served before one that waits. */
const LATER_MS = 1_000;
const OVERTAKERS = 20;
/** In the quiet part so many of a hundred calls must be answered. */
const GOOD_PERCENT = 95;
const FEW = 50;

/** How much longer than it may a call may wait. */
const LATE_MS = 50;

interface Waiting {
  readonly call: CallRecord;
  overtakers: number;
}

/** H7 */
export const starvation: Invariant = {
  id: 'H7',
  text: 'no caller starves: not a call that waits, nor a client among others',
  begin(book, fail) {
    /** By client, calls without an attempt, in the order in which they began. */
    const waiting = new Map<string, Map<number, Waiting>>();
    const quiet = new Map<string, { all: number; good: number }>();
    const of = (client: string) => {
      const found = waiting.get(client) ?? new Map<number, Waiting>();
      waiting.set(client, found);
      return found;
    };
    let lastMs = 0;
    return {
      see(entry) {
        lastMs = entry.atMs;
        if (entry.is === 'call' && entry.names === undefined)
          of(entry.client).set(entry.call, { call: book.calls.get(entry.call)!, overtakers: 0 });
        else if (entry.is === 'attempt' && of(entry.client).delete(entry.call)) {
          const begunMs = book.calls.get(entry.call)!.atMs;
          // Of calls that wait, the newest go first while the queue does not empty.
          if (entry.atMs > begunMs) return;
          for (const one of of(entry.client).values()) {
            if (one.call.atMs > begunMs - LATER_MS) break;
            one.overtakers += 1;
            if (one.overtakers === OVERTAKERS)
              fail(entry.atMs, `call ${one.call.call} waits, and ${OVERTAKERS} that began later were sent`);
          }
        } else if (entry.is === 'end') {
          of(entry.client).delete(entry.call);
          const call = book.calls.get(entry.call);
          if (call !== undefined && !call.waitsForReady && call.attempts.length === 0) {
            // A stall, or a call that waits anew for its next Pod.
            const { waitTimeoutMs } = book.clientOf(call).facts;
            const waitedMs = entry.atMs - Math.max(call.atMs, book.stall.untilMs);
            if (waitedMs > waitTimeoutMs + LATE_MS)
              fail(entry.atMs, `call ${entry.call} waited ${Math.round(waitedMs)} ms for a Pod`);
          }
          if (!book.isQuiet || call === undefined || call.isCancelled || call.method !== 'Get') return;
          const sum = quiet.get(entry.client) ?? { all: 0, good: 0 };
          sum.all += 1;
          if (entry.code === 0) sum.good += 1;
          quiet.set(entry.client, sum);
        }
      },
      finish() {
        for (const [client, { all, good }] of quiet)
          if (all >= FEW && good * 100 < all * GOOD_PERCENT)
            fail(lastMs, `${client}: only ${good} of ${all} calls are answered although nothing is wrong`);
      },
    };
  },
};
