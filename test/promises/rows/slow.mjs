// A Pod that is slower than the others.
import { A } from '../loads.mjs';
import { p99, share, unfair } from '../measures.mjs';
import { atMost, long } from '../promise.mjs';

const PEAK = { ...A, name: 'peak_ewma', podwire: { policy: 'peak_ewma' }, peer: 'A' };
const SETTLE_MS = 1_000;
const during = share(['fault', SETTLE_MS], ['healed', 0]);
const ratio = (client) => p99('fault', 'healed')(client) / p99('started', 'fault')(client);

const slow = (of, delayMs, limits, more = []) => ({
  id: 'G7',
  of,
  fault: `one Pod is ${of} slow`,
  loads: [A, PEAK],
  faultMs: [4_000, 30_000],
  afterMs: [7_000, 63_000],
  begin: ({ bad }) => bad.rules({ '*': { delayMs } }),
  end: ({ bad }) => bad.rules({}),
  promises: [
    atMost('its share', during, limits, ' %'),
    ...more,
    atMost('healed, share is off by', unfair(['healed', 5_000], ['healed', 7_000]), { A: 25 }, ' %'),
    long(
      atMost('healed, share is off by', unfair(['healed', 60_000], ['stopped', 0]), { peak_ewma: 25 }, ' %'),
    ),
  ],
});

export const slows = [
  slow('10×', 50, { A: 8 }),
  slow('40×', 200, { A: 3, peak_ewma: 1 }, [long(atMost('p99 of before', ratio, { peak_ewma: 2 }, ' ×'))]),
];
