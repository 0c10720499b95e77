import { expect, test } from 'vitest';
import { type RetryPolicy, retryDelayMs } from './policy.ts';

const policy: RetryPolicy = {
  maxAttempts: 5,
  initialBackoffMs: 100,
  maxBackoffMs: 500,
  backoffMultiplier: 2,
  retryableStatusCodes: new Set(),
};

test('delays grow up to the largest, and vary by a fifth', () => {
  const delays = (random: number) =>
    [1, 2, 3, 4].map((retry) => Math.round(retryDelayMs(policy, retry, () => random)));
  expect(delays(0.5)).toEqual([100, 200, 400, 500]);
  expect(delays(0)).toEqual([80, 160, 320, 400]);
  expect(delays(1)).toEqual([120, 240, 480, 600]);
});
