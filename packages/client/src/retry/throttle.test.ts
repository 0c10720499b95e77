import { expect, test } from 'vitest';
import { RetryThrottle } from './throttle.ts';

test('half of the budget is spent by failures, given back by successes, and never saved up', () => {
  const throttle = new RetryThrottle({ maxTokens: 4, tokenRatio: 0.5 });
  for (let i = 0; i < 100; i++) throttle.onSuccess();
  throttle.onFailure();
  expect(throttle.allowed).toBe(true);
  throttle.onFailure();
  expect(throttle.allowed).toBe(false);
  throttle.onSuccess();
  expect(throttle.allowed).toBe(true);
  for (let i = 0; i < 100; i++) throttle.onFailure();
  // From nothing, not from below it.
  for (let i = 0; i < 5; i++) throttle.onSuccess();
  expect(throttle.allowed).toBe(true);
});
