import { expect, it } from 'vitest';
import { type Endpoint, toEndpoint } from '../endpoint.ts';
import { apply, type Change } from './apply.ts';

/** Counts how often all endpoints are gone through, as a copy does. */
class Counted extends Map<string, Endpoint> {
  walks = 0;

  override [Symbol.iterator]() {
    this.walks += 1;
    return super[Symbol.iterator]();
  }
}

const pods = (...last: number[]) => last.map((n) => toEndpoint({ address: `10.0.0.${n}:1` }));
const ids = (...last: number[]) => last.map((n) => `10.0.0.${n}:1`);
const known = (...last: number[]) => new Counted(pods(...last).map((pod) => [pod.id, pod]));

it('copies the endpoints once for all changes that come together', () => {
  const before = known(1, 2, 3);
  const { endpoints, changed } = apply(before, [
    { type: 'remove', ids: ids(1) },
    { type: 'upsert', endpoints: pods(4, 5) },
    { type: 'remove', ids: ids(5, 9) },
  ]);
  expect([...endpoints.keys()]).toEqual(ids(2, 3, 4));
  expect(changed).toBe(true);
  expect(before.walks).toBe(1);
  expect(before.size).toBe(3);
  expect(endpoints.get(ids(2)[0]!)).toBe(before.get(ids(2)[0]!));
});

it('copies nothing when nothing new is said', () => {
  const before = known(1, 2, 3);
  const after = apply(before, [
    { type: 'upsert', endpoints: pods(1, 3) },
    { type: 'remove', ids: ids(9) },
  ]);
  expect(before.walks).toBe(0);
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
