import { type Random, runToEnd } from '@podwire/core';
import { type Endpoint, type EndpointInput, toEndpoint } from '@podwire/registry';
import { LoadMeter } from '../load-meter.ts';
import type { PodRecord } from '../outlier/pod-record.ts';
import type { Pod } from '../pod.ts';
import type { Picker, PickInfo, Policy, PolicyInput } from '../policy.ts';

/** A Pod as the client has it, whose state a test sets. */
export class TestPod implements Pod {
  readonly id: string;
  endpoint: Endpoint;
  /** Connected, serving and with room. */
  isUp = true;
  blocked = 0;
  /** What monitors make of the endpoint's weight. */
  factor = 1;
  ramp = 1;
  readonly load: LoadMeter;
  record: PodRecord | undefined;

  constructor(endpoint: Endpoint, load: LoadMeter) {
    this.id = endpoint.id;
    this.endpoint = endpoint;
    this.load = load;
  }

  get available(): boolean {
    return this.isUp && this.blocked === 0;
  }

  set available(isUp: boolean) {
    this.isUp = isUp;
  }

  get isConnected(): boolean {
    return this.isUp;
  }

  get weight(): number {
    return this.endpoint.weight * this.factor * this.ramp;
  }
}

/** Pods 10.0.x.y:50051 that can take calls, with one total of calls in flight. */
export function makePods(count: number, describe: (i: number) => EndpointInput = () => ({})): TestPod[] {
  const total = { inFlight: 0 };
  return Array.from({ length: count }, (_, i) => {
    const endpoint = toEndpoint({ address: `10.0.${i >> 8}.${i & 255}:50051`, ...describe(i) });
    return new TestPod(endpoint, new LoadMeter(total));
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

/** What a picker is built from, besides the Pods. */
export type TestEnv = Pick<PolicyInput, 'heeded' | 'random' | 'nowMs' | 'zone'>;

/** In the zone `a`, unless the test says otherwise. */
export function makeEnv(seed = 1, zone: string | undefined = 'a'): TestEnv & { advance(ms: number): void } {
  let nowMs = 0;
  return {
    random: seeded(seed),
    heeded: -1,
    nowMs: () => nowMs,
    zone,
    advance: (ms) => {
      nowMs += ms;
    },
  };
}

/** A call with this hash that has tried these Pods. */
export function makeInfo(hash = 0, ...tried: Pod[]): PickInfo {
  return { hash, excluded: tried.length === 0 ? undefined : new Set(tried) };
}

/** The picker that a policy builds, all at once. */
export function build(
  policy: Policy,
  pods: readonly Pod[],
  ready: readonly Pod[] = pods,
  env: TestEnv = makeEnv(),
  previous?: Picker<Pod>,
): Picker<Pod> {
  return runToEnd(policy.build({ ...env, pods, ready, previous }));
}
