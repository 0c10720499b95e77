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

export const tolds = [
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
