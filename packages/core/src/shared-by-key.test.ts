import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { SharedByKey } from './shared-by-key.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

it('makes one value for each key', () => {
  const shared = new SharedByKey<{ of: string }>();
  const a = shared.get('a', () => ({ of: 'a' }));
  expect(shared.get('a', () => ({ of: 'another a' }))).toBe(a);
  expect(shared.get('b', () => ({ of: 'b' }))).toEqual({ of: 'b' });
});

it('keeps a value that has a user, and makes one anew that has none', async () => {
  const shared = new SharedByKey<{ of: string }>();
  const used = shared.get('used', () => ({ of: 'used' }));
  shared.get('unused', () => ({ of: 'unused' }));
  await expect
    .poll(() => {
      collectGarbage();
      return shared.get('unused', () => ({ of: 'the next' })).of;
    })
    .toBe('the next');
  expect(shared.get('used', () => ({ of: 'another' }))).toBe(used);
});

it('keeps nothing of a value that `make` failed to make', () => {
  const shared = new SharedByKey<object>();
  const fail = () => {
    throw new Error('not now');
  };
  expect(() => shared.get('a', fail)).toThrow('not now');
  expect(shared.get('a', () => shared)).toBe(shared);
});
