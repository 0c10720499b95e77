import fc from 'fast-check';
import { expect, test } from 'vitest';
import { positions } from './positions.ts';

test('says where each item was, in whatever order', () => {
  const list = fc.uniqueArray(fc.integer({ min: 0, max: 2_000 }), { maxLength: 1_500 });
  fc.assert(
    fc.property(list, list, (before, after) => {
      expect([...positions(before, after)]).toEqual(after.map((item) => before.indexOf(item)));
    }),
  );
});

test('says so of a list of which some went and some came', () => {
  const before = Array.from({ length: 3_000 }, (_, i) => i);
  const after = [...before.filter((i) => i % 7 !== 0 && (i < 500 || i > 900)), 5_000, 5_001];
  expect([...positions(before, after)]).toEqual(after.map((item) => before.indexOf(item)));
});
