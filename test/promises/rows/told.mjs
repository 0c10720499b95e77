// What Pods say of themselves: health and load.
import { A, vary } from '../loads.mjs';
import { disconnects, failed, share } from '../measures.mjs';
import { atMost } from '../promise.mjs';

const WATCHING = vary(A, 'A', { perSecond: 200, podwire: { health: { serviceName: 'fleet' } } });
const say = (pods, serving) => Promise.all(pods.map((pod) => pod.ask('health', serving)));
const untouched = [atMost('failed', failed, { A: 0 }), atMost('reconnects', disconnects(), { A: 0 })];

const health = (of, begin, { end, fleet = { health: true } } = {}) => ({
  id: 'N1',
  of,
  fault: `health: ${of}`,
  kinds: ['podwire'],
  loads: [WATCHING],
  fleet,
  faultMs: [4_000, 10_000],
  begin,
  end,
  promises: untouched,
});

/** gRFC A58's shares of 0.2, 0.4 and silence: 1/0.2 to 1/0.4 to their mean. */
const SHARES = [44.4, 22.2, 33.3];
const report = (utilization) => ({ rules: { '*': { load: { utilization, qps: 100 } } } });
const weights = (of, options) => {
  const policy = { blackoutPeriod: '0.5s', weightUpdatePeriod: '0.5s', ...options };
  const load = vary(A, 'A', {
    pods: 3,
    perSecond: 300,
    serviceConfig: { loadBalancingConfig: [{ weighted_round_robin: policy }] },
  });
  const off = (i) => (client) =>
    (100 * Math.abs(share(['fault', 0], ['healed', 0], ({ pods }) => pods[i])(client) - SHARES[i])) /
    SHARES[i];
  return {
    id: 'W1',
    of,
    fault: `load reports ${of}: 0.2, 0.4, and a silent Pod`,
    loads: [load],
    fleet: { each: [report(0.2), report(0.4), {}] },
    beforeMs: 3_000,
    faultMs: [3_000, 20_000],
    afterMs: 0,
    begin: () => {},
    promises: SHARES.map((percent, i) => atMost(`share of ${percent} %, off by`, off(i), { A: 10 }, ' %')),
  };
};

/** A fifth Pod joins and is spared at first; its share follows Envoy's ramp, of which 10 % is the least. */
const WINDOW_MS = [6_000, 30_000];
const LEAST = 0.1;
const joins = (policy) => {
  const load = vary(A, 'A', { perSecond: 300, podwire: { policy, slowStart: { windowMs: WINDOW_MS } } });
  const joined = ({ pods }) => pods[4];
  /** The share in a part of the window, off what the ramp says, in percent of that. */
  const off = (from, until) => (client) => {
    const { fault, healed } = client.marks;
    const [a, b] = [from, until].map((part) => fault + part * (healed - fault));
    const calls = client.calls.filter(({ startMs }) => startMs >= a && startMs < b);
    const got = calls.filter(({ pod }) => pod === joined(client)).length / calls.length;
    const weight = Math.max(LEAST, (from + until) / 2);
    const fair = weight / (load.pods + weight);
    return (100 * Math.abs(got - fair)) / fair;
  };
  /** Seconds of the window in which it got no call. */
  const starved = (client) => {
    const seconds = new Set();
    const { fault, healed } = client.marks;
    for (const { pod, startMs } of client.calls)
      if (pod === joined(client) && startMs < healed) seconds.add(Math.floor((startMs - fault) / 1_000));
    return Math.floor((healed - fault) / 1_000) - seconds.size;
  };
  return {
    id: 'W2',
    of: policy,
    fault: `a fifth Pod joins, slow start, ${policy}`,
    kinds: ['podwire'],
    loads: [load],
    faultMs: WINDOW_MS,
    afterMs: 0,
    async begin(stage) {
      await stage.fleet.start(1);
      stage.list(stage.pods);
    },
    promises: [
      atMost('share in the middle third, off by', off(1 / 3, 2 / 3), { A: 25 }, ' %'),
      atMost('share in the last third, off by', off(2 / 3, 1), { A: 25 }, ' %'),
      atMost('seconds without a call', starved, { A: 0 }),
    ],
  };
};

export const tolds = [
  ...['least_request', 'peak_ewma', 'round_robin', 'weighted_round_robin', 'random'].map(joins),
  health('flaps every 100 ms on 2 of 4', async (stage) => {
    let serving = true;
    const timer = setInterval(() => {
      serving = !serving;
      say(stage.pods.slice(0, 2), serving);
    }, 100);
    stage.onClose(() => clearInterval(timer));
  }),
  health('NOT_SERVING everywhere', ({ pods }) => say(pods, false), { end: ({ pods }) => say(pods, true) }),
  health('UNIMPLEMENTED', () => {}, { fleet: {} }),
  weights('with each call', {}),
  weights('out of band', { enableOobLoadReport: true, oobReportingPeriod: '1s' }),
];
