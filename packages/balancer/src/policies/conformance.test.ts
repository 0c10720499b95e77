import { CHUNK } from '@podwire/core';
import { toEndpoint } from '@podwire/registry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPolicy, policyNames } from '../create-policy.ts';
import { mix } from '../hash.ts';
import { Block, type Pod } from '../pod.ts';
import type { Picker, Policy } from '../policy.ts';
import { build as buildPicker, makeEnv, makeInfo, makePods } from '../testing/pods.ts';
import { zoneAware } from './zone-aware.ts';

const variants = [
  ...policyNames.map((name) => [name, createPolicy(name)] as const),
  ['least_request, full scan', createPolicy({ least_request: { fullScan: true } })] as const,
  ['least_request of five', createPolicy({ least_request: { choiceCount: 5 } })] as const,
  ['ring_hash, bounded', createPolicy({ ring_hash: { loadBound: 1.25 } })] as const,
  ['maglev, bounded', createPolicy({ maglev: { loadBound: 1.25 } })] as const,
  ...policyNames.map((name) => [`${name} in a zone`, zoneAware(createPolicy(name))] as const),
  [
    'three policies deep',
    createPolicy({ zone_aware: { policy: { zone_aware: { policy: 'maglev' } } } }),
  ] as const,
  ['pick_first, in order', createPolicy({ pick_first: { shuffleAddressList: false } })] as const,
];

/** Whether it uses one Pod at a time. */
function usesOne({ name, children }: Policy): boolean {
  return name === 'pick_first' || children.some(usesOne);
}

/** Picks with a new hash each time. */
function picks(picker: Picker<Pod>, count: number, ...tried: Pod[]): (Pod | undefined)[] {
  return Array.from({ length: count }, (_, i) => picker.pick(makeInfo(mix(i), ...tried)));
}

describe.each(variants)('%s', (_name, policy) => {
  const build = (pods: readonly Pod[], ready: readonly Pod[] = pods, previous?: Picker<Pod>) =>
    buildPicker(policy, pods, ready, makeEnv(), previous);

  test('picks no Pod where there is none', () => {
    expect(picks(build([]), 3)).toEqual([undefined, undefined, undefined]);
  });

  test('picks the only Pod', () => {
    const pods = makePods(1);
    expect(new Set(picks(build(pods), 10))).toEqual(new Set(pods));
  });

  test('never picks a Pod that is not available, also when that changed after the build', () => {
    const pods = makePods(6);
    const picker = build(pods);
    for (const pod of pods.slice(1, 5)) pod.available = false;
    for (const pod of picks(picker, 200)) expect([pods[0], pods[5]]).toContain(pod);
    for (const pod of pods) pod.available = false;
    expect(picks(picker, 3)).toEqual([undefined, undefined, undefined]);
    pods[2]!.available = true;
    expect(new Set(picks(picker, 20))).toEqual(new Set([pods[2]]));
  });

  test('picks a Pod already tried only when no other is left', () => {
    const pods = makePods(4);
    const picker = build(pods);
    for (const pod of picks(picker, 200, pods[0]!, pods[1]!)) expect([pods[2], pods[3]]).toContain(pod);
    for (const pod of pods.slice(1)) pod.available = false;
    expect(new Set(picks(picker, 20, pods[0]!, pods[1]!))).toEqual(new Set([pods[0]]));
  });

  test('gives a blocked Pod no call, and calls again once it is let in', () => {
    const pods = makePods(4);
    const picker = build(pods);
    pods[1]!.blocked = Block.EJECTED | Block.UNHEALTHY;
    expect(picks(picker, 300)).not.toContain(pods[1]);
    pods[1]!.blocked = Block.UNHEALTHY;
    expect(picks(picker, 300)).not.toContain(pods[1]);
    for (const pod of pods) pod.blocked = Block.LIMITED;
    expect(picks(picker, 3)).toEqual([undefined, undefined, undefined]);
    pods[1]!.blocked = 0;
    expect(new Set(picks(picker, 20))).toEqual(new Set([pods[1]]));
  });

  test('reads the effective weight, not that of the endpoint', () => {
    const pods = makePods(4);
    pods[2]!.factor = 0;
    expect(picks(build(pods), 300)).not.toContain(pods[2]);
  });

  test('gives weight 0 no call', () => {
    const pods = makePods(4, (i) => ({ weight: i === 2 ? 0 : 1 }));
    expect(picks(build(pods), 300)).not.toContain(pods[2]);
    const none = makePods(2, () => ({ weight: 0 }));
    expect(picks(build(none), 3)).toEqual([undefined, undefined, undefined]);
  });

  test('leaves a Pod that drains, gets weight 0 or is not connected any more', () => {
    for (let gone = 0; gone < 4; gone++) {
      const pods = makePods(4, (i) => ({ zone: i < 2 ? 'a' : 'b' }));
      const before = build(pods);
      const others = pods.filter((_, i) => i !== gone);
      // Draining is not in either list, unreachable not among those that are ready.
      expect(picks(build(others, others, before), 100)).not.toContain(pods[gone]);
      pods[gone]!.available = false;
      expect(picks(build(pods, others, before), 100)).not.toContain(pods[gone]);
      pods[gone]!.available = true;
      const { endpoint } = pods[gone]!;
      pods[gone]!.endpoint = toEndpoint({ ...endpoint, weight: 0 });
      expect(picks(build(pods, pods, before), 100)).not.toContain(pods[gone]);
    }
  });

  test('goes to the only Pod that a call does not exclude', () => {
    const pods = makePods(4, (i) => ({ zone: i < 2 ? 'a' : 'b' }));
    const picker = build(pods);
    for (const pod of pods) {
      const others = pods.filter((other) => other !== pod);
      expect(new Set(picks(picker, 50, ...others))).toEqual(new Set([pod]));
    }
  });

  test('tries only Pods that can serve, each once, where it tries one after another', () => {
    const pods = makePods(8, (i) => ({
      zone: i % 2 === 0 ? 'a' : 'b',
      weight: i % 3 === 0 ? 0 : 1,
      phase: i === 4 ? 'draining' : 'serving',
    }));
    const order = policy.order?.(pods, makeEnv().random, 'a');
    expect(order === undefined).toBe(!usesOne(policy));
    if (order === undefined) return;
    expect(new Set(order)).toEqual(new Set([1, 2, 5, 7].map((i) => pods[i])));
    expect(order).toHaveLength(4);
  });

  test('reaches every Pod', () => {
    const pods = makePods(10);
    const picker = build(pods);
    const seen = new Set<Pod | undefined>();
    for (const pod of picks(picker, 2_000)) {
      seen.add(pod);
      // Some go by load.
      pod?.load.start();
    }
    expect(seen.size).toBe(usesOne(policy) ? 1 : 10);
  });

  test('takes any weight that a registry may give', () => {
    for (const weights of [
      [5e-324, 5e-324],
      [1e308, 1e308, 1e308],
      [1, 1e300, 5e-324],
      [1e-9, 1, 1e9],
    ]) {
      const pods = makePods(weights.length, (i) => ({ weight: weights[i]! }));
      for (const pod of picks(build(pods), 50)) expect(pods).toContain(pod);
    }
  });

  test('is quick when no Pod can take a call', () => {
    const pods = makePods(2_000);
    const picker = build(pods);
    for (const pod of pods) pod.available = false;
    let looks = 0;
    for (const pod of pods) {
      Object.defineProperty(pod, 'available', {
        get: () => {
          looks += 1;
          return false;
        },
      });
    }
    expect(picker.pick(makeInfo(7))).toBeUndefined();
    expect(looks).toBeLessThanOrEqual(2 * pods.length + 100);
  });

  test('looks at a bounded number of Pods before it lets other work in', () => {
    let looks = 0;
    const pods = makePods(20_000);
    for (const pod of pods) {
      const { id } = pod;
      Object.defineProperty(pod, 'id', {
        get: () => {
          looks += 1;
          return id;
        },
      });
    }
    const work = policy.build({ ...makeEnv(), pods, ready: pods, previous: undefined });
    let most = 0;
    for (let step = work.next(); ; step = work.next()) {
      most = Math.max(most, looks);
      looks = 0;
      if (step.done === true) break;
    }
    expect(most).toBeLessThanOrEqual(CHUNK);
  });

  test('does the same under the same random source', () => {
    const pods = makePods(20, (i) => ({ weight: 1 + (i % 3) }));
    expect(picks(build(pods), 100)).toEqual(picks(build(pods), 100));
  });

  test('survives any change of the set', { timeout: 30_000 }, () => {
    const all = makePods(12, (i) => ({ weight: (i * 7) % 5, zone: i % 2 === 0 ? 'a' : 'b' }));
    const step = fc.record({
      pods: fc.subarray(all),
      down: fc.subarray(all),
      tried: fc.subarray(all, { maxLength: 3 }),
      hash: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let picker: Picker<Pod> | undefined;
        for (const { pods, down, tried, hash } of steps) {
          for (const pod of all) pod.available = !down.includes(pod);
          const ready = pods.filter((pod) => pod.available);
          picker = buildPicker(policy, pods, ready, makeEnv(), picker);
          const able = ready.filter((pod) => pod.endpoint.weight > 0);
          const picked = picker.pick(makeInfo(hash, ...tried));
          if (able.length === 0) expect(picked).toBeUndefined();
          else expect(able).toContain(picked);
          const untried = able.filter((pod) => !tried.includes(pod));
          if (untried.length > 0) expect(untried).toContain(picked);
        }
      }),
      // Hash tables are large, whatever the number of Pods.
      { numRuns: policy.needsHash ? 40 : 200 },
    );
  });
});
