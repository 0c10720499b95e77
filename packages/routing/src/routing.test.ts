import { describe, expect, test } from 'vitest';
import { createRoute, createRouteTable, type RouteMatch, singleRoute } from './index.ts';

/** Whether a call with these headers takes the route of a rule. */
function takes(
  match: RouteMatch,
  headers: Record<string, string> = {},
  path = '/shop.Orders/Get',
  drawn = 0,
) {
  const table = createRouteTable([{ match, route: createRoute('matched', 'one', {}) }]);
  const call = { host: undefined, header: (name: string) => headers[name] };
  return table.forMethod(path).match(call, () => drawn) !== undefined;
}

describe('a condition on the path', () => {
  test.each([
    [{ exact: '/shop.Orders/Get' }, true],
    [{ exact: '/shop.Orders/List' }, false],
    [{ prefix: '/shop.Orders/' }, true],
    [{ prefix: '/shop.Carts/' }, false],
    [{ suffix: '/Get' }, true],
    [{ pattern: /\/shop\.\w+\/Get/ }, true],
    [{ pattern: /\/shop\.Orders/ }, false],
    [{ prefix: '/shop.', suffix: 'List' }, false],
  ])('%j takes the call: %s', (path, result) => {
    expect(takes({ path })).toBe(result);
  });
});

describe('a condition on a header', () => {
  test.each([
    [{ name: 'x-tier' }, { 'x-tier': 'gold' }, true],
    [{ name: 'x-tier' }, {}, false],
    [{ name: 'x-tier', present: false }, {}, true],
    [{ name: 'x-tier', present: false }, { 'x-tier': 'gold' }, false],
    [{ name: 'x-tier', exact: 'gold' }, { 'x-tier': 'gold' }, true],
    [{ name: 'x-tier', exact: 'gold' }, { 'x-tier': 'silver' }, false],
    [{ name: 'x-tier', exact: 'gold', invert: true }, { 'x-tier': 'silver' }, true],
    [{ name: 'x-tier', exact: 'gold', invert: true }, {}, true],
    [{ name: 'x-tier', pattern: /g.*/ }, { 'x-tier': 'gold' }, true],
  ] as const)('%j with %j: %s', (header, headers, result) => {
    expect(takes({ headers: [header] }, headers)).toBe(result);
  });
});

test('a share takes so many of the calls, and the next rule the others', () => {
  const rules = [
    { match: { share: 0.25 }, route: createRoute('first', 'one', {}) },
    { match: {}, route: createRoute('second', 'two', {}) },
  ];
  const routes = createRouteTable(rules).forMethod('/shop.Orders/Get');
  expect(routes.only).toBeUndefined();
  const call = { host: undefined, header: () => undefined };
  const names = Array.from({ length: 100 }, (_, i) => routes.match(call, () => i / 100)!.name);
  expect(names.filter((name) => name === 'first')).toHaveLength(25);
  expect(names.filter((name) => name === 'second')).toHaveLength(75);
});

test('where only the path decides, nothing is matched per call', () => {
  const table = createRouteTable([
    { match: { path: { prefix: '/shop.Orders/' } }, route: createRoute('orders', 'one', {}) },
    { match: { headers: [{ name: 'x-tier' }] }, route: createRoute('tier', 'two', {}) },
    { match: {}, route: createRoute('rest', 'three', {}) },
  ]);
  expect(table.forMethod('/shop.Orders/Get').only?.name).toBe('orders');
  expect(table.forMethod('/shop.Carts/Get').only).toBeUndefined();
  expect(singleRoute(createRoute('all', 'one', {})).forMethod('/any/Method').only?.name).toBe('all');
});

test('a call that meets no rule has no route', () => {
  expect(takes({ path: { prefix: '/other/' } })).toBe(false);
});

describe('weighted clusters', () => {
  test('get calls by weight, and one of weight 0 none', () => {
    const route = createRoute(
      'split',
      [
        { cluster: 'one', weight: 1 },
        { cluster: 'none', weight: 0 },
        { cluster: 'three', weight: 3 },
      ],
      {},
    );
    const names = Array.from({ length: 1_000 }, (_, i) => route.cluster(i / 1_000));
    expect(names.filter((name) => name === 'one')).toHaveLength(250);
    expect(names.filter((name) => name === 'three')).toHaveLength(750);
    expect(route.cluster(1 - Number.EPSILON)).toBe('three');
  });

  test.each([
    [[]],
    [[{ cluster: 'one', weight: 0 }]],
    [[{ cluster: 'one', weight: -1 }]],
    [[{ cluster: 'one', weight: Number.NaN }]],
  ])('of %j there can be no route', (clusters) => {
    expect(() => createRoute('split', clusters, {})).toThrow('split: ');
  });
});
