import { describe, expect, test } from 'vitest';
import { createPolicy } from '../create-policy.ts';
import { mix } from '../hash.ts';
import { build, makeEnv, makeInfo, makePods } from '../testing/pods.ts';
import { zoneAware } from './zone-aware.ts';

function shareInZone(up: number, weight = 1): number {
  const pods = makePods(20, (i) => ({ zone: i < 10 ? 'a' : 'b', weight }));
  for (const [i, pod] of pods.entries()) pod.available = i >= 10 || i < up;
  const ready = pods.filter((pod) => pod.available);
  const picker = build(zoneAware(createPolicy('round_robin')), pods, ready, makeEnv());
  let own = 0;
  for (let i = 0; i < 10_000; i++) if (picker.pick(makeInfo())!.endpoint.zone === 'a') own += 1;
  return own / 10_000;
}

describe('the own zone', () => {
  test('keeps all calls while it can carry them', () => {
    expect([shareInZone(10), shareInZone(8)]).toEqual([1, 1]);
  });

  test('spills over in proportion to what it lost', () => {
    expect(shareInZone(5)).toBeCloseTo(0.7, 1);
    expect(shareInZone(1)).toBeCloseTo(0.14, 1);
    expect(shareInZone(0)).toBe(0);
  });

  test('keeps its share whatever weights a registry gives', () => {
    expect([shareInZone(8, 1e308), shareInZone(10, 1e-300)]).toEqual([1, 1]);
    expect(shareInZone(5, 1e308)).toBeCloseTo(0.7, 1);
  });

  test('keeps equal keys together, also while it spills over', () => {
    const pods = makePods(20, (i) => ({ zone: i < 10 ? 'a' : 'b' }));
    for (const pod of pods.slice(0, 5)) pod.available = false;
    const picker = build(zoneAware(createPolicy('maglev')), pods, pods.slice(5), makeEnv());
    const home = Array.from({ length: 2_000 }, (_, i) => picker.pick(makeInfo(mix(i)))!);
    for (const [i, pod] of home.entries()) expect(picker.pick(makeInfo(mix(i)))).toBe(pod);
    expect(home.filter((pod) => pod.endpoint.zone === 'a').length / 2_000).toBeCloseTo(0.7, 1);
    expect(new Set(home).size).toBe(15);
  });

  test('takes everything when there is no other', () => {
    const pods = makePods(4, () => ({ zone: 'a' }));
    const picker = build(zoneAware(createPolicy('random')), pods, pods.slice(0, 1), makeEnv());
    pods.slice(1).forEach((pod) => {
      pod.available = false;
    });
    expect(picker.pick(makeInfo())).toBe(pods[0]);
  });
});
