import { type Random, runToEnd } from '@podwire/core';
import { type EndpointInput, toEndpoint } from '@podwire/registry';
import { LoadMeter } from '../load-meter.ts';
import type { Picker, PickInfo, Pod, Policy, PolicyEnv } from '../policy.ts';

/** Pods 10.0.x.y:50051 that can take calls, with one total of calls in flight. */
export function makePods(count: number, describe: (i: number) => EndpointInput = () => ({})): Pod[] {
  const total = { inFlight: 0 };
  return Array.from({ length: count }, (_, i) => {
    const endpoint = toEndpoint({ address: `10.0.${i >> 8}.${i & 255}:50051`, ...describe(i) });
    return { id: endpoint.id, endpoint, available: true, load: new LoadMeter(total) };
  });
}

/** A small generator (mulberry32): the same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function makeEnv(seed = 1): PolicyEnv & { advance(ms: number): void } {
  let nowMs = 0;
  return {
    random: seeded(seed),
    nowMs: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

/** A call with this hash, that was at these Pods already. */
export function makeInfo(hash = 0, ...tried: Pod[]): PickInfo {
  return { hash, excluded: tried.length === 0 ? undefined : new Set(tried) };
}

/** The picker that a policy builds, all at once. */
export function build(
  policy: Policy,
  pods: readonly Pod[],
  ready: readonly Pod[] = pods,
  env: PolicyEnv = makeEnv(),
  previous?: Picker<Pod>,
): Picker<Pod> {
  return runToEnd(policy.build(pods, ready, env, previous));
}
