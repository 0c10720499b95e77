import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { toEndpoint } from '../endpoint.ts';
import { apply, type Change } from './apply.ts';

let copies = 0;
beforeEach(() => {
  copies = 0;
  const Original = Map;
  class Counted<K, V> extends Original<K, V> {
    constructor(entries?: Iterable<readonly [K, V]>) {
      super(entries);
      if (entries !== undefined) copies += 1;
    }
  }
  vi.stubGlobal('Map', Counted);
});
afterEach(() => void vi.unstubAllGlobals());

const pods = (...last: number[]) => last.map((n) => toEndpoint({ address: `10.0.0.${n}:1` }));
const ids = (...last: number[]) => last.map((n) => `10.0.0.${n}:1`);
const known = (...last: number[]) => {
  const endpoints = new Map(pods(...last).map((pod) => [pod.id, pod]));
  copies = 0;
  return endpoints;
};

it('copies the endpoints once for all changes that come together', () => {
  const before = known(1, 2, 3);
  const { endpoints, changed } = apply(before, [
    { type: 'remove', ids: ids(1) },
    { type: 'upsert', endpoints: pods(4, 5) },
    { type: 'remove', ids: ids(5, 9) },
  ]);
  expect([...endpoints.keys()]).toEqual(ids(2, 3, 4));
  expect(changed).toBe(true);
  expect(copies).toBe(1);
  expect(before.size).toBe(3);
  expect(endpoints.get(ids(2)[0]!)).toBe(before.get(ids(2)[0]!));
});

it('copies nothing when nothing new is said', () => {
  const before = known(1, 2, 3);
  const after = apply(before, [
    { type: 'upsert', endpoints: pods(1, 3) },
    { type: 'remove', ids: ids(9) },
  ]);
  expect(copies).toBe(0);
  expect(after.endpoints).toBe(before);
  expect(after.changed).toBe(false);
});

it.each<[string, Change[], number[], boolean]>([
  ['the same in another order', [{ type: 'reset', endpoints: pods(3, 1, 2) }], [3, 1, 2], false],
  ['fewer', [{ type: 'reset', endpoints: pods(1, 2) }], [1, 2], true],
  ['nothing any more', [{ type: 'missing', reason: 'deleted' }], [], true],
  [
    'others after nothing',
    [
      { type: 'missing', reason: 'deleted' },
      { type: 'upsert', endpoints: pods(1) },
    ],
    [1],
    true,
  ],
])('takes %s', (_what, changes, left, changed) => {
  const after = apply(known(1, 2, 3), changes);
  expect([...after.endpoints.keys()]).toEqual(ids(...left));
  expect(after.changed).toBe(changed);
});
