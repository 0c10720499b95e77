import { expect, it } from 'vitest';
import { RetryDelay } from './retry-delay.ts';

const refused = new Error('overloaded');
const unreachable = Object.assign(new Error('connection refused'), { unreachable: true });

it('doubles up to 10 s while a registry refuses, and begins anew after a success', () => {
  const delay = new RetryDelay(() => 1);
  const next = () => delay.next(refused, 60_000);
  expect(Array.from({ length: 7 }, next)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  delay.reset();
  expect(next()).toBe(500);
});

it('stays within a second while no server is reached, less the time of the attempt', () => {
  const delay = new RetryDelay(() => 1);
  const next = (triedMs: number) => delay.next(unreachable, triedMs);
  expect([0, 0, 0, 300, 5_000].map(next)).toEqual([500, 1_000, 1_000, 700, 100]);
  expect(new RetryDelay(() => 0).next(unreachable)).toBe(250);
});
