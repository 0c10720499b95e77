// Pods that hold their connections and do not answer.
import { A, RR, S } from '../loads.mjs';
import { backAfter, failed, lastFailure, visible } from '../measures.mjs';
import { atMost } from '../promise.mjs';

export const silent = [
  {
    id: 'G4',
    fault: 'a Pod is stopped (SIGSTOP) and goes on (SIGCONT)',
    loads: [A, RR, S],
    faultMs: [5_000, 15_000],
    afterMs: 3_000,
    begin: ({ bad }) => bad.signal('SIGSTOP'),
    end: ({ bad }) => bad.signal('SIGCONT'),
    promises: [
      atMost('failed', failed, { A: 8, RR: 20, S: 2 }),
      atMost('last failure', lastFailure, { A: 2, RR: 2, S: 2 }, ' s'),
      atMost('calls again', backAfter(), { A: 2, RR: 2, S: 2 }, ' s'),
      atMost('visible', visible(/suspect/i), { A: 1, RR: 1, S: 1 }, ' s'),
    ],
  },
  {
    id: 'G4b',
    fault: 'a Pod answers PINGs, and calls never',
    loads: [A, RR, S],
    faultMs: [5_000, 15_000],
    afterMs: 500,
    begin: ({ bad }) => bad.rules({ '*': { hang: true } }),
    end: ({ bad }) => bad.rules({}),
    promises: [
      atMost('failed', failed, { A: 10, RR: 40, S: 4 }),
      atMost('visible', visible(/ejected.*consecutive_timeouts/i), { A: 2, RR: 2, S: 5 }, ' s'),
    ],
  },
];
