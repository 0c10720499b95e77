import { toEndpoint } from '@podwire/registry';
import { describe, expect, test } from 'vitest';
import { createPolicy } from '../create-policy.ts';
import { hashKey } from '../hash.ts';
import type { Pod } from '../pod.ts';
import type { Picker, Policy } from '../policy.ts';
import { build, makeEnv, makeInfo, makePods } from '../testing/pods.ts';
import { zoneAware } from './zone-aware.ts';

/** Which of the Pods each call goes to, with a new picker before each. */
function picksOverRebuilds(policy: Policy, pods: readonly Pod[], count: number): number[] {
  const env = makeEnv();
  const ready = pods.filter((pod) => pod.available);
  let picker: Picker<Pod> | undefined;
  return Array.from({ length: count }, () => {
    picker = build(policy, pods, ready, env, picker);
    return pods.indexOf(picker.pick(makeInfo())!);
  });
}

const steps = (order: readonly number[], count: number) =>
  new Set(order.slice(1).map((at, i) => (at - order[i]! + count) % count));

describe('a set that changes all the time', () => {
  test('round_robin goes on where it was', () => {
    expect(steps(picksOverRebuilds(createPolicy('round_robin'), makePods(5), 20), 5)).toEqual(new Set([1]));
  });

  test.each([
    ['the own zone', 'a'],
    ['the others', 'b'],
  ])('it does so in %s', (_where, zone) => {
    const pods = makePods(5, () => ({ zone }));
    const away = makePods(10, () => ({ zone: 'a' })).slice(5);
    for (const pod of away) pod.available = false;
    const policy = zoneAware(createPolicy('round_robin'));
    expect(steps(picksOverRebuilds(policy, [...pods, ...away], 20), 5)).toEqual(new Set([1]));
  });

  test('weighted_round_robin keeps to the weights', () => {
    const pods = makePods(2, (i) => ({ weight: [3, 1][i]! }));
    const order = picksOverRebuilds(createPolicy('weighted_round_robin'), pods, 400);
    expect(Math.abs(order.filter((at) => at === 0).length - 300)).toBeLessThanOrEqual(1);
  });

  test('pick_first stays with its Pod', () => {
    expect(new Set(picksOverRebuilds(createPolicy('pick_first'), makePods(10), 20)).size).toBe(1);
  });

  test.each(['ring_hash', 'maglev'])('%s gives a Pod keys as its weight changes', (name) => {
    const policy = createPolicy(name);
    const pods = makePods(4);
    const before = build(policy, pods);
    pods[0]!.endpoint = toEndpoint({ ...pods[0]!.endpoint, weight: 3 });
    const after = build(policy, pods, pods, makeEnv(), before);
    const keys = Array.from({ length: 10_000 }, (_, i) => hashKey(`customer-${i}`));
    const share = keys.filter((hash) => after.pick(makeInfo(hash)) === pods[0]).length / keys.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.05);
  });
});
