import type { Plan } from './plan.ts';

const DAY_MS = 24 * 60 * 60_000;

/** A day of a small service: 10 calls a second on 3 Pods, each of which fails 5 % of its calls. */
export function dayPlan(seed: number, hours = 24): Plan {
  const stormMs = (DAY_MS * hours) / 24;
  return {
    seed,
    pods: ['go', 'go', 'go'],
    latencyMs: 0.5,
    cutPercent: 0,
    byDns: false,
    clients: [
      {
        name: 'client-1',
        policy: 'least_request',
        retries: 'none',
        throttled: false,
        subset: undefined,
        hashes: false,
        keepaliveMs: undefined,
        waitTimeoutMs: 10_000,
        maxWaiting: 10_000,
        maxConnectionsPerPod: 2,
        holdMs: 60_000,
        drainMs: 30_000,
        hasMesh: false,
        load: {
          callsPerSecond: 10,
          timeoutMs: 500,
          cancelPercent: 0,
          streamPercent: 0,
          namePercent: 0,
          waitForReadyPercent: 0,
          readMs: 0,
        },
      },
    ],
    faults: [{ kind: 'fail-evenly', atMs: 0, forMs: stormMs, pod: 0, degree: 0.05 }],
    stormMs,
    quietMs: 120_000,
  };
}
