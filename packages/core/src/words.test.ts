import { expect, it } from 'vitest';
import { checkKeys } from './check.ts';
import { nearest } from './words.ts';

it.each([
  ['polcy', 'policy'],
  ['wieght', 'weight'],
  ['HOLDMS', 'holdMs'],
  ['dsn', 'dns'],
  ['snapshotDirectory', 'snapshotDir'],
  ['transport', undefined],
  ['xds', undefined],
  ['', undefined],
])('nearest to %j is %j', (word, found) => {
  expect(nearest(word, ['policy', 'weight', 'holdMs', 'dns', 'snapshotDir'])).toBe(found);
});

it('names the unknown key and the one that was meant', () => {
  expect(checkKeys({ weight: 1 }, ['weight'], 'a')).toEqual({ weight: 1 });
  expect(() => checkKeys({ wieght: 1 }, ['weight'], 'a[0]')).toThrow(
    "a[0].wieght is unknown; did you mean 'weight'?",
  );
  expect(() => checkKeys(JSON.parse('{"__proto__":1}'), ['weight'], '')).toThrow(
    '__proto__ is not one of: weight',
  );
  expect(() => checkKeys({ pasword: 'secret' }, ['password'], 'a')).not.toThrow('secret');
  expect(() => checkKeys({ a: 1 }, [], 'b')).toThrow('b.a is unknown; there is nothing to set');
  expect(() => checkKeys([], [], 'a')).toThrow('a: [] must be an object');
});
