import { expect, test } from 'vitest';
import { exponentialMs, jitteredMs } from './backoff.ts';

const DELAYS = { initialMs: 100, maxMs: 1_000, multiplier: 3 };

test('delays grow by the factor, from the first one to the largest', () => {
  expect([1, 2, 3, 4, 5].map((retry) => exponentialMs(DELAYS, retry))).toEqual([100, 300, 900, 1_000, 1_000]);
});

test('a delay is never infinite, however often it was doubled', () => {
  expect(exponentialMs(DELAYS, 5_000)).toBe(1_000);
});

test('chance moves a delay between its bounds', () => {
  expect([0, 0.5, 1].map((drawn) => jitteredMs(200, 0.5, 1, () => drawn))).toEqual([100, 150, 200]);
});
