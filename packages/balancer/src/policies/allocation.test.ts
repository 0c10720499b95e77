import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createPolicy, policyNames } from '../create-policy.ts';
import { Block } from '../pod.ts';
import { build, makeEnv, makePods } from '../testing/pods.ts';
import { zoneAware } from './zone-aware.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const PICKS = 20_000;
/** Code that is not compiled yet allocates numbers, and the test runner does at any time: one quiet round is proof. */
const ROUNDS = 60;

/** The least that a round of picks allocated, in bytes per pick. */
function bytesPerPick(pick: (hash: number) => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS && least > 0.5; round++) {
    gc();
    // 31 bits: a larger number would be boxed here, and counted as the policy's allocation.
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < PICKS; i++) pick(Math.imul(i, 0x9e3779b1) >>> 1);
    least = Math.min(least, Math.max(0, process.memoryUsage().heapUsed - before) / PICKS);
  }
  return least;
}

const variants = [
  ...policyNames.map((name) => [name, createPolicy(name)] as const),
  ['least_request, full scan', createPolicy({ least_request: { fullScan: true } })] as const,
  ['ring_hash, bounded', createPolicy({ ring_hash: { loadBound: 1.25 } })] as const,
  ['maglev, bounded', createPolicy({ maglev: { loadBound: 1.25 } })] as const,
  ['random in a zone that spills over', zoneAware(createPolicy('random'))] as const,
  ['maglev in a zone that spills over', zoneAware(createPolicy('maglev'))] as const,
  [
    'least_request, three deep',
    createPolicy({ zone_aware: { policy: { zone_aware: { policy: 'least_request' } } } }),
  ] as const,
];

test.each(variants)('a pick of %s allocates nothing', { timeout: 60_000 }, (_name, policy) => {
  const pods = makePods(20, (i) => ({ weight: 1 + (i % 3), zone: i < 10 ? 'a' : 'b' }));
  for (const pod of pods.slice(0, 6)) pod.available = false;
  for (const pod of pods.slice(8, 10)) pod.blocked = Block.EJECTED;
  const picker = build(policy, pods, pods.slice(6), makeEnv());
  const info = { hash: 0, excluded: new Set([pods[7]!]) };
  const bytes = bytesPerPick((hash) => {
    info.hash = hash;
    const pod = picker.pick(info)!;
    pod.load.start();
    pod.load.inFlight -= 1;
    pod.load.total.inFlight -= 1;
  });
  expect(bytes).toBeLessThan(0.5);
});
