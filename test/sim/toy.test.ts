import { expect, test } from 'vitest';
import { POD_SAYS } from './sim-pod.ts';
import { simulate } from './toy.ts';

const TEN_MINUTES_MS = 600_000;

test.each([1, 6])(
  'ten minutes of trouble (seed %i): every call ends once, with a reason where it failed, and no timer is left',
  async (seed) => {
    const { calls, ended, endedTwice, failed, timersLeft } = await simulate(seed, TEN_MINUTES_MS);
    expect(calls).toBeGreaterThan(10_000);
    expect([ended, endedTwice, timersLeft]).toEqual([calls, 0, 0]);
    // A status that a Pod sent is the Pod's word; all else has a reason.
    expect(failed.filter(({ details, reason }) => details !== POD_SAYS && reason === undefined)).toEqual([]);
    expect(failed.length).toBeLessThan(calls / 20);
  },
  60_000,
);

test('equal seeds have equal histories, and others have others', async () => {
  const [one, again, other] = [
    await simulate(2, 60_000),
    await simulate(2, 60_000),
    await simulate(3, 60_000),
  ];
  expect(again).toEqual(one);
  expect(other.hash).not.toBe(one.hash);
}, 60_000);

test('in calm weather no call fails, and each Pod gets its share', async () => {
  const { calls, failed, answered } = await simulate(4, 60_000, true);
  expect(failed).toEqual([]);
  for (const count of answered) expect(Math.abs(count / calls - 1 / 4)).toBeLessThan(0.05);
}, 60_000);
