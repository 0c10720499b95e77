import { expect, it } from 'vitest';
import { toEndpoint } from './endpoint.ts';
import { type Change, EndpointTable } from './endpoint-table.ts';

const pods = (...last: number[]) => last.map((n) => toEndpoint({ address: `10.0.0.${n}:1` }));
const ids = (...last: number[]) => last.map((n) => `10.0.0.${n}:1`);

function known(...last: number[]): EndpointTable {
  const table = new EndpointTable();
  table.apply({ type: 'reset', endpoints: pods(...last) });
  return table;
}

it('keeps the objects of endpoints that say the same, and a list that it gave out', () => {
  const table = known(1, 2, 3);
  const before = table.list;
  expect(table.apply({ type: 'remove', ids: ids(1) })).toBe(true);
  expect(table.apply({ type: 'upsert', endpoints: pods(2, 4) })).toBe(true);
  expect(table.list.map(({ id }) => id)).toEqual(ids(2, 3, 4));
  expect(before.map(({ id }) => id)).toEqual(ids(1, 2, 3));
  expect(table.list[0] === before[1]).toBe(true);
  expect([table.has(ids(1)[0]!), table.get(ids(4)[0]!)]).toEqual([false, table.list[2]]);
});

it('gives the same list again when nothing new is said', () => {
  const table = known(1, 2, 3);
  const before = table.list;
  expect(table.apply({ type: 'upsert', endpoints: pods(1, 3) })).toBe(false);
  expect(table.apply({ type: 'remove', ids: ids(9) })).toBe(false);
  expect(table.list === before).toBe(true);
});

it.each<[string, Change, number[], boolean]>([
  ['the same in another order', { type: 'reset', endpoints: pods(3, 1, 2) }, [3, 1, 2], false],
  ['one twice', { type: 'reset', endpoints: pods(1, 2, 3, 1) }, [1, 2, 3], false],
  ['one more at the front', { type: 'reset', endpoints: pods(4, 1, 2, 3) }, [4, 1, 2, 3], true],
  ['one for another, twice', { type: 'reset', endpoints: pods(2, 3, 4, 4) }, [2, 3, 4], true],
  ['two that changed places', { type: 'reset', endpoints: pods(2, 1, 3, 4) }, [2, 1, 3, 4], true],
  ['fewer', { type: 'reset', endpoints: pods(1, 2) }, [1, 2], true],
  ['nothing any more', { type: 'missing', reason: 'deleted' }, [], true],
])('takes %s', (_what, change, left, changed) => {
  const table = known(1, 2, 3);
  expect(table.apply(change)).toBe(changed);
  expect(table.list.map(({ id }) => id)).toEqual(ids(...left));
});
