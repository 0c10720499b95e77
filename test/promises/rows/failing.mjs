// Pods that answer, and fail calls.
import { A, RR, S } from '../loads.mjs';
import { failed, visible } from '../measures.mjs';
import { atMost } from '../promise.mjs';

const UNAVAILABLE = 14;
const INTERNAL = 13;
const HTTP2_INTERNAL_ERROR = 2;

/** Failures that end a run, those that were open on the Pod then, and one for each probation. */
const allowed = (run) => (client) => {
  const [bad] = client.pods;
  const fails = client.calls
    .filter(({ pod, code }) => pod === bad && code !== 0)
    .sort((a, b) => a.endMs - b.endMs);
  const decided = fails[run - 1]?.endMs ?? 0;
  const open = fails.filter(({ startMs, endMs }) => startMs <= decided && endMs > decided).length;
  const ejections = client.seen.events.filter(
    ({ name, value }) => name === 'ejected' && value.id === bad,
  ).length;
  return run + open + Math.max(0, ejections - 1);
};

const failsAll = (of, rule, fleet) => ({
  id: 'E1',
  of,
  fault: `one Pod fails all: ${of}`,
  fleet,
  loads: [A, RR, S],
  faultMs: [5_000, 60_000],
  begin: ({ bad }) => bad.rules({ '*': rule }),
  end: ({ bad }) => bad.rules({}),
  promises: [
    atMost('failed', failed, { A: allowed(5), RR: allowed(5), S: allowed(5) }),
    atMost('out', visible(/ejected.*consecutive_failures/i), { A: 1, RR: 1, S: 3 }, ' s'),
  ],
});

export const failing = [
  failsAll('UNAVAILABLE', { fail: UNAVAILABLE }),
  failsAll('INTERNAL', { fail: INTERNAL }),
  failsAll('RST_STREAM', { reset: HTTP2_INTERNAL_ERROR }, { program: 'node' }),
];
