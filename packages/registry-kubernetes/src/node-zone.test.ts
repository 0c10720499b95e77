import { afterEach, beforeEach, expect, it } from 'vitest';
import { status } from './testing/fake-api-server.ts';
import { Fixture, slice } from './testing/fixture.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await Fixture.open();
});

afterEach(() => fixture.close());

/** A slice of another service, with one Pod on a node. */
const on = (name: string, nodeName: string, zone: string | undefined, rest: object = {}) => ({
  ...slice(name, []),
  service: name,
  endpoints: [{ addresses: ['10.0.0.9'], nodeName, zone, ...rest }],
});

it('the zone of a node is told by any Pod of the namespace that is on it, ready or not', async () => {
  const { store } = fixture.server;
  store.put(on('a', 'node-2', 'eu-1b'));
  store.put(on('b', 'node-1', undefined));
  store.put(on('c', 'node-1', 'eu-1a', { conditions: { ready: false } }));
  store.put({ ...on('d', 'node-3', 'elsewhere'), namespace: 'other' });
  const old = { deprecatedTopology: { 'topology.kubernetes.io/zone': 'eu-1c' } };
  store.put(on('e', 'node-4', undefined, old));
  const registry = fixture.registry();
  expect(await registry.zoneOf!('orders', 'node-1')).toBe('eu-1a');
  expect(await registry.zoneOf!('orders.prod:grpc', 'node-2')).toBe('eu-1b');
  expect(await registry.zoneOf!('orders', 'node-3')).toBeUndefined();
  expect(await registry.zoneOf!('orders.other', 'node-3')).toBe('elsewhere');
  expect(await registry.zoneOf!('orders', 'node-4')).toBe('eu-1c');
  // One that is known is known.
  const { length } = fixture.server.requests;
  expect(await registry.zoneOf!('orders', 'node-1')).toBe('eu-1a');
  expect(fixture.server.requests).toHaveLength(length);
  for (const { kind, query } of fixture.server.requests)
    expect([kind, query.get('limit')]).toEqual(['list', '100']);
});

it('pages after the one that tells it are not asked for, and many channels ask once', async () => {
  const { store } = fixture.server;
  for (let i = 0; i < 250; i++) store.put(on(`s-${i}`, i === 120 ? 'node-1' : 'node-2', 'eu-1a'));
  const registry = fixture.registry();
  const zones = await Promise.all(Array.from({ length: 20 }, () => registry.zoneOf!('orders', 'node-1')));
  expect(new Set(zones)).toEqual(new Set(['eu-1a']));
  expect(fixture.server.requests).toHaveLength(2);
});

it('junk tells nothing, and what is refused says so', async () => {
  const { store } = fixture.server;
  store.put({ ...slice('junk', []), endpoints: 'none' });
  store.put({
    ...slice('more', []),
    endpoints: [7, null, { nodeName: 'node-1', zone: {} }, { nodeName: ['node-1'], zone: 'x' }],
  });
  const registry = fixture.registry();
  expect(await registry.zoneOf!('orders', 'node-1')).toBeUndefined();
  fixture.server.intercept = (_request, response) => {
    status(response, 403, 'Forbidden', 'no');
    return true;
  };
  await expect(registry.zoneOf!('orders', 'node-1')).rejects.toThrow('not allowed to list endpointslices');
});
