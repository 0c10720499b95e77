import { describe, expect, test } from 'vitest';
import { createPolicy } from '../create-policy.ts';
import { hashKey } from '../hash.ts';
import type { Pod } from '../pod.ts';
import type { Picker } from '../policy.ts';
import { build, makeEnv, makeInfo, makePods } from '../testing/pods.ts';

const PICKS = 100_000;

function count(picker: Picker<Pod>, picks: number): Map<Pod, number> {
  const counts = new Map<Pod, number>();
  const info = makeInfo();
  for (let i = 0; i < picks; i++) {
    const pod = picker.pick(info)!;
    counts.set(pod, (counts.get(pod) ?? 0) + 1);
  }
  return counts;
}

describe(`${PICKS} picks`, () => {
  test('round_robin is exact to ±1', () => {
    const pods = makePods(7);
    const counts = [...count(build(createPolicy('round_robin'), pods, pods, makeEnv()), PICKS).values()];
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  test.each(['weighted_round_robin', 'random'])('%s keeps to the weights within 0.01', (name) => {
    const pods = makePods(5, (i) => ({ weight: [1, 2, 3, 4, 10][i]! }));
    const counts = count(build(createPolicy(name), pods, pods, makeEnv(5)), PICKS);
    for (const pod of pods) {
      expect(Math.abs(counts.get(pod)! / PICKS - pod.endpoint.weight / 20)).toBeLessThan(0.01);
    }
  });

  test('weighted_round_robin is smooth: a Pod of half the weight is never picked three times in a row, nor left out for three', () => {
    const pods = makePods(3, (i) => ({ weight: [2, 1, 1][i]! }));
    const picker = build(createPolicy('weighted_round_robin'), pods, pods, makeEnv());
    const order = Array.from({ length: 400 }, () => picker.pick(makeInfo()) === pods[0]);
    for (let i = 0; i + 4 <= order.length; i++) {
      const heavy = order.slice(i, i + 4).filter(Boolean).length;
      expect(heavy).toBeGreaterThanOrEqual(1);
      expect(heavy).toBeLessThanOrEqual(3);
    }
  });

  test('least_request keeps to the weights within 0.02 while all Pods are busy', () => {
    const pods = makePods(5, (i) => ({ weight: [1, 2, 3, 4, 10][i]! }));
    const picker = build(createPolicy('least_request'), pods, pods, makeEnv(5));
    const open: Pod[] = [];
    for (let i = 0; i < PICKS; i++) {
      const pod = picker.pick(makeInfo())!;
      pod.load.start();
      open.push(pod);
      if (open.length > 200) open.shift()!.load.end(0, 1, 'ok');
    }
    for (const { load, endpoint } of pods) {
      expect(Math.abs(load.started / PICKS - endpoint.weight / 20)).toBeLessThan(0.02);
    }
  });

  test('least_request over equal Pods: the busiest has at most 1.1 times the mean', () => {
    const pods = makePods(50);
    const picker = build(createPolicy('least_request'), pods, pods, makeEnv());
    const counts = new Map<Pod, number>(pods.map((pod) => [pod, 0]));
    const open: Pod[] = [];
    for (let i = 0; i < PICKS; i++) {
      const pod = picker.pick(makeInfo())!;
      counts.set(pod, counts.get(pod)! + 1);
      pod.load.start();
      open.push(pod);
      if (open.length > 200) open.shift()!.load.end(0, 1, 'ok');
    }
    expect(Math.max(...counts.values()) / (PICKS / pods.length)).toBeLessThanOrEqual(1.1);
  });

  test('least_request keeps calls from a Pod that hangs', () => {
    const pods = makePods(4);
    const picker = build(createPolicy('least_request'), pods, pods, makeEnv());
    let hung = 0;
    for (let i = 0; i < 1_000; i++) {
      const pod = picker.pick(makeInfo())!;
      pod.load.start();
      if (pod === pods[0]) hung += 1;
      else pod.load.end(0, 1, 'ok');
    }
    expect(hung).toBeLessThan(10);
  });

  test('peak_ewma: a Pod of which nothing is known is not the cheapest', () => {
    const pods = makePods(4);
    for (const pod of pods.slice(1)) {
      pod.load.start();
      pod.load.end(20, 20, 'ok');
    }
    const picker = build(createPolicy('peak_ewma'), pods, pods, makeEnv());
    for (let i = 0; i < 400; i++) picker.pick(makeInfo())!.load.start();
    expect(pods[0]!.load.inFlight).toBeLessThan(140);
  });

  test('peak_ewma: a Pod that fails at once is not a fast one', () => {
    const pods = makePods(4);
    const env = makeEnv();
    const picker = build(createPolicy('peak_ewma'), pods, pods, env);
    for (let i = 0; i < 2_000; i++) {
      const pod = picker.pick(makeInfo())!;
      pod.load.start();
      env.advance(1);
      if (pod === pods[1]) pod.load.end(env.nowMs(), 1, 'failed');
      else pod.load.end(env.nowMs(), 20, 'ok');
    }
    expect(pods[1]!.load.started / 2_000).toBeLessThan(0.02);
  });

  test.each(['ring_hash', 'maglev'])(
    '%s: when one of n Pods leaves, at most 1/n + 0.02 of the keys move',
    (name) => {
      const policy = createPolicy(name);
      const keys = Array.from({ length: PICKS }, (_, i) => hashKey(`customer-${i}`));
      // 65: where the ring has no room for all points any more. 10 923: where one Pod less makes room for a seventh point on all others.
      for (const n of [2, 3, 10, 65, 100, 1_000, 10_923]) {
        const pods = makePods(n);
        const before = build(policy, pods, pods, makeEnv());
        const rest = pods.filter((_, i) => i !== 1);
        const after = build(policy, rest, rest, makeEnv(), before);
        const moved = keys.filter(
          (hash) => before.pick(makeInfo(hash)) !== after.pick(makeInfo(hash)),
        ).length;
        expect(moved / PICKS).toBeLessThanOrEqual(1 / n + 0.02);
        expect(moved).toBeGreaterThan(0);
      }
    },
  );

  test.each(['ring_hash', 'maglev'])(
    '%s: a Pod that reconnects gets its keys back, and no other key moves',
    (name) => {
      const policy = createPolicy(name);
      const pods = makePods(10);
      const keys = Array.from({ length: 1_000 }, (_, i) => hashKey(`customer-${i}`));
      const picker = build(policy, pods, pods, makeEnv());
      const before = keys.map((hash) => picker.pick(makeInfo(hash)));
      pods[3]!.available = false;
      const away = build(
        policy,
        pods,
        pods.filter((pod) => pod !== pods[3]),
        makeEnv(),
        picker,
      );
      for (const [i, hash] of keys.entries()) {
        const now = away.pick(makeInfo(hash));
        if (before[i] === pods[3]) expect(now).not.toBe(pods[3]);
        else expect(now).toBe(before[i]);
      }
      pods[3]!.available = true;
      const back = build(policy, pods, pods, makeEnv(), away);
      expect(keys.map((hash) => back.pick(makeInfo(hash)))).toEqual(before);
    },
  );

  test.each(['ring_hash', 'maglev'].flatMap((name) => [1, 1e308].map((weight) => [name, weight] as const)))(
    '%s with a bound lets no Pod have more than its share of calls in flight, all of weight %d',
    (name, weight) => {
      const pods = makePods(10, () => ({ weight }));
      const picker = build(createPolicy({ [name]: { loadBound: 1.25 } }), pods, pods, makeEnv());
      // One key for all calls.
      for (let i = 0; i < 1_000; i++) picker.pick(makeInfo(42))!.load.start();
      expect(Math.max(...pods.map((pod) => pod.load.inFlight))).toBeLessThanOrEqual(126);
    },
  );

  test.each(['ring_hash', 'maglev'])('%s with a bound finds the one Pod of many that has room', (name) => {
    const pods = makePods(200);
    const ready = [pods[20]!, pods[120]!];
    for (const pod of pods) pod.available = ready.includes(pod);
    const picker = build(createPolicy({ [name]: { loadBound: 1.25 } }), pods, ready, makeEnv());
    for (let i = 0; i < 10; i++) ready[0]!.load.start();
    for (let hash = 0; hash < 200; hash++) expect(picker.pick(makeInfo(hash))).toBe(ready[1]);
  });

  test.each(['ring_hash', 'maglev'])(
    '%s keeps keys where they were when no Pod is within the bound',
    (name) => {
      const pods = makePods(3);
      const [plain, bounded] = [{}, { loadBound: 1 }].map((options) =>
        build(createPolicy({ [name]: options }), pods),
      );
      // The one that has room was tried.
      for (const pod of pods.slice(1)) for (let i = 0; i < 10; i++) pod.load.start();
      for (let hash = 0; hash < 2 ** 32; hash += 2 ** 25) {
        const info = makeInfo(hash, pods[0]!);
        expect(bounded!.pick(info)).toBe(plain!.pick(info));
      }
    },
  );
});
