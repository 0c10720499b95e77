// Pods that hold their connections and do not answer.
import { cutOff, letThrough } from '../../servers/firewall.mjs';
import { A, RR, S } from '../loads.mjs';
import { backAfter, failed, lastFailure, lostAfter, p99, visible } from '../measures.mjs';
import { atMost } from '../promise.mjs';

const noticed = [
  atMost('failed', failed, { A: 8, RR: 20, S: 2 }),
  atMost('last failure', lastFailure, { A: 2, RR: 2, S: 2 }, ' s'),
  atMost('visible', visible(/suspect/i), { A: 1, RR: 1, S: 1 }, ' s'),
];

/** A small service needs some seconds until it is known what is usual. */
const BEFORE_MS = [5_000, 10_000];

const cut = (of, direction) => ({
  id: 'G5',
  of,
  fault: `packets of a Pod are dropped: ${of}`,
  loads: [A, RR, S],
  beforeMs: BEFORE_MS,
  faultMs: [6_000, 20_000],
  afterMs: [500, 10_000],
  begin: ({ bad }) => cutOff(bad.port, direction),
  end: ({ bad }) => letThrough(bad.port),
  promises: [...noticed, atMost('its connection is given up', lostAfter, { A: 5, RR: 5, S: 5 }, ' s')],
});

/**
 * A call is late after 250 ms, or ten times the 99th percentile of its method where that is longer: on a busy machine more calls begin until then.
 */
const scaled = (limit) => (client) => limit * Math.max(1, p99('started', 'fault')(client) / 25);

export const silent = [
  {
    id: 'G4',
    fault: 'a Pod is stopped (SIGSTOP) and goes on (SIGCONT)',
    loads: [A, RR, S],
    beforeMs: BEFORE_MS,
    faultMs: [5_000, 15_000],
    afterMs: 2_500,
    begin: ({ bad }) => bad.signal('SIGSTOP'),
    end: ({ bad }) => bad.signal('SIGCONT'),
    promises: [...noticed, atMost('calls again', backAfter(), { A: 2, RR: 2, S: 2 }, ' s')],
  },
  {
    id: 'G4b',
    fault: 'a Pod answers PINGs, and calls never',
    loads: [A, RR, S],
    beforeMs: BEFORE_MS,
    faultMs: [5_000, 15_000],
    afterMs: 500,
    begin: ({ bad }) => bad.rules({ '*': { hang: true } }),
    end: ({ bad }) => bad.rules({}),
    promises: [
      atMost('failed', failed, { A: scaled(10), RR: scaled(40), S: scaled(4) }),
      atMost('visible', visible(/ejected.*consecutive_timeouts/i), { A: 2, RR: 2, S: 5 }, ' s'),
    ],
  },
  cut('both ways', 'both'),
  cut('to us only', 'from'),
  cut('from us only', 'to'),
];
