import { describe, expect, test } from 'vitest';
import { hashKey } from './hash.ts';

describe('the hash of a key', () => {
  test('is an unsigned 32-bit number, the same in every process and version', () => {
    expect(['', 'a', 'customer-42', 'Grüße', '😀'].map(hashKey)).toEqual([
      2872998923, 444641715, 2807919948, 837503086, 1787143206,
    ]);
  });

  test.each([
    ['numbered', (i: number) => `customer-${i}`],
    ['alike but for the first letter', (i: number) => `${i}-the-same-long-tail-of-a-key`],
    ['of one letter repeated', (i: number) => 'x'.repeat(i % 500) + Math.floor(i / 500)],
    ['addresses', (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:50051`],
  ])('spreads keys %s evenly, by its high and by its low bits', (_name, key) => {
    const high = new Uint32Array(256);
    const low = new Uint32Array(256);
    for (let i = 0; i < 50_000; i++) {
      const hash = hashKey(key(i));
      high[hash >>> 24]! += 1;
      low[hash & 255]! += 1;
    }
    // 255 degrees of freedom: a random function exceeds 360 once in 50 000 tries.
    for (const counts of [high, low]) expect(chiSquare(counts, 50_000 / 256)).toBeLessThan(360);
  });
});

function chiSquare(counts: Uint32Array, expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
