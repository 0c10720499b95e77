import { expect, test } from 'vitest';
import { RetryBudget } from './budget.ts';

const OPTIONS = { percent: 20, minPerSecond: 1, windowMs: 10_000 };

/** How many retries the budget gives at once. */
function drain(budget: RetryBudget, nowMs: number): number {
  let taken = 0;
  while (budget.take(nowMs)) taken += 1;
  return taken;
}

test('a fifth of the calls of ten seconds may be tried again, and one a second in any case', () => {
  const budget = new RetryBudget(OPTIONS);
  expect(drain(budget, 1_000)).toBe(10);
  for (let call = 0; call < 100; call++) budget.onCall(2_000);
  expect(drain(budget, 2_000)).toBe(20);
  expect(drain(budget, 10_500)).toBe(0);
  // The first ten are forgotten.
  expect(drain(budget, 11_000)).toBe(10);
  expect(drain(budget, 12_000)).toBe(0);
  expect(drain(budget, 60_000)).toBe(10);
});

test('in no window of ten seconds are there more', () => {
  const budget = new RetryBudget(OPTIONS);
  const taken: number[] = [];
  for (let nowMs = 0; nowMs < 60_000; nowMs += 50) {
    budget.onCall(nowMs);
    while (budget.take(nowMs)) taken.push(nowMs);
    const inWindow = taken.filter((atMs) => atMs > nowMs - 9_000).length;
    expect(inWindow).toBeLessThanOrEqual(200 * 0.2 + 10);
  }
  expect(taken.length).toBeGreaterThan(200);
});

test('without a percentage and a floor nothing is tried again', () => {
  const budget = new RetryBudget({ percent: 0, minPerSecond: 0, windowMs: 1_000 });
  for (let call = 0; call < 100; call++) budget.onCall(call);
  expect(budget.take(100)).toBe(false);
});
