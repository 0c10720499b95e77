// More calls than the Pods can do, and storms that feed themselves.
import { A, retrying, S, vary } from '../loads.mjs';
import { attemptsPerCall, failed, goodAfter, goodput } from '../measures.mjs';
import { atLeast, atMost } from '../promise.mjs';

const UNAVAILABLE = 14;
const ADAPTIVE = { limits: { adaptive: true } };
const WORKERS = { '*': { workers: 4, delayMs: 25 } };
const clients = ['1', '2', '3', '4'].map((name) => ({
  ...A,
  name,
  pods: 3,
  perSecond: 240,
  deadlineMs: 500,
  podwire: ADAPTIVE,
}));
const STORM = vary(A, 'A', { pods: 1, perSecond: 50, deadlineMs: 200, repeats: 3, podwire: ADAPTIVE });
const RETRIED = vary(A, 'A', {
  perSecond: 400,
  channels: 20,
  serviceConfig: retrying(['UNAVAILABLE'], 5),
});
const MIX = (share) => [
  ['Quick', 1 - share, 1_000],
  ['Slow', share, 2_000],
];
const MIXED = vary(A, 'A', { perSecond: 40, methods: MIX(0.01), podwire: ADAPTIVE });

/** Good replies of the client as a share of a quarter of all, in percent. */
const ofItsShare = (client) =>
  (100 * 4 * goodOf(client)) / client.all.reduce((sum, one) => sum + goodOf(one), 0);
const goodOf = ({ calls, marks }) =>
  calls.filter(({ code, endMs }) => code === 0 && endMs > marks.fault && endMs < marks.healed).length;

/** Says to all Pods by which rules calls go. */
const all = ({ pods }, rules) => Promise.all(pods.map((pod) => pod.rules(rules)));

export const overloads = [
  {
    id: 'L1',
    fault: 'twice what 3 Pods can do, of 4 clients; work is never cancelled',
    apart: true,
    loads: clients,
    fleet: { rules: WORKERS },
    beforeMs: 0,
    faultMs: [9_000, 30_000],
    afterMs: [5_000, 10_000],
    begin: () => {},
    end: (stage) => stage.askAll('set', { perSecond: 60 }),
    promises: [
      atLeast(
        'good a second',
        (client) => goodput(['fault', client.load.settleMs ?? 4_000], 'healed')(client),
        { 1: 432 },
      ),
      atLeast('of its share', ofItsShare, { 1: 50, 2: 50, 3: 50, 4: 50 }, ' %'),
      atLeast('good > 2 s after', goodAfter('healed', 2_000), { 1: 99, 2: 99, 3: 99, 4: 99 }, ' %'),
    ],
  },
  {
    id: 'L2',
    fault: 'calls take 100 ms for 2 s, and callers repeat at once',
    apart: true,
    loads: [STORM],
    fleet: { rules: WORKERS },
    faultMs: 2_000,
    afterMs: [7_000, 15_000],
    begin: (stage) => all(stage, { '*': { workers: 4, delayMs: 100 } }),
    end: (stage) => all(stage, WORKERS),
    promises: [atLeast('good > 5 s after', goodAfter('healed', 5_000), { A: 99 }, ' %')],
  },
  {
    id: 'L3',
    fault: 'all Pods are UNAVAILABLE at once; maxAttempts 5, no retryThrottling',
    loads: [RETRIED],
    faultMs: [5_000, 30_000],
    afterMs: 4_000,
    begin: (stage) => all(stage, { '*': { fail: UNAVAILABLE } }),
    end: (stage) => all(stage, {}),
    promises: [
      atMost('attempts a call', attemptsPerCall('fault', 'healed'), { A: 1.35 }),
      atLeast('good > 2 s after', goodAfter('healed', 2_000), { A: 99 }, ' %'),
    ],
  },
  {
    id: 'L4',
    fault: 'methods of 2 and 500 ms, 1 % → 50 % → 1 % slow, at half load',
    loads: [MIXED, vary(S, 'S', { podwire: ADAPTIVE })],
    fleet: { rules: { Quick: { delayMs: 2 }, Slow: { delayMs: 500 } } },
    faultMs: [4_000, 15_000],
    afterMs: [3_000, 10_000],
    begin: (stage) => stage.askAll('set', { methods: MIX(0.5) }),
    end: (stage) => stage.askAll('set', { methods: MIX(0.01) }),
    promises: [atMost('refused', failed, { A: 0, S: 0 })],
  },
];
