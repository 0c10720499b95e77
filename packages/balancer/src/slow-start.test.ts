import { expect, test } from 'vitest';
import { createPolicy } from './create-policy.ts';
import { build, makeEnv, makeInfo, makePods } from './testing/pods.ts';

const PICKS = 20_000;
const POLICIES = ['round_robin', 'weighted_round_robin', 'random', 'least_request', 'peak_ewma'];

/** The share of a third Pod that has a tenth of its weight. */
function shareOfNew(policy: string, inFlight: number): number {
  const pods = makePods(3);
  const [old, other, fresh] = pods;
  fresh!.ramp = 0.1;
  for (const pod of [old!, other!]) for (let i = 0; i < inFlight; i++) pod.load.start();
  const picker = build(createPolicy(policy), pods, pods, makeEnv(3));
  let picked = 0;
  for (let i = 0; i < PICKS; i++) if (picker.pick(makeInfo()) === fresh) picked += 1;
  return picked / PICKS;
}

test.each(POLICIES)('%s gives a new Pod its part of the calls where no call is in flight', (policy) => {
  expect(shareOfNew(policy, 0)).toBeCloseTo(0.1 / 2.1, 2);
});

test.each(['least_request', 'peak_ewma'])(
  '%s gives an idle one more than that while the others have calls',
  (policy) => {
    expect(shareOfNew(policy, 3)).toBeGreaterThan(0.1);
  },
);
