import type { Registry } from '@podwire/registry';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, startOrdersServer } from './support/orders-server.ts';

let near: OrdersServer;
let far: OrdersServer;

beforeEach(async () => {
  [near, far] = await Promise.all([startOrdersServer(), startOrdersServer()]);
});
afterEach(async () => {
  await Promise.all([near.stop(), far.stop()]);
});

/** Says where its Pods are, and of nodes without Pods of the service what it is told to. */
function registry(nearNode: string, zones: Readonly<Record<string, string>> = {}): Registry {
  return {
    scheme: 'where',
    source: 'registry',
    async *watch(_service, { signal }) {
      const endpoints = [
        { address: near.address, zone: 'a', attributes: { node: nearNode } },
        { address: far.address, zone: 'b', attributes: { node: 'n2' } },
      ];
      yield { type: 'reset', endpoints: endpoints as never };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
    zoneOf: async (_service, node) => zones[node],
  };
}

/** The Pods that 20 calls reach. */
async function reached(channel: ReturnType<typeof createChannel>): Promise<Set<string>> {
  const pods = await Promise.all(Array.from({ length: 20 }, () => get(ordersClient(channel))));
  return new Set(pods.map(({ pod }) => pod));
}

const open = (of: Registry, node: string | undefined) =>
  createChannel('where:///orders', { registries: [of], policy: 'round_robin', zone: { node } });

test('calls stay in the zone of the own node, as a Pod of the service on it tells it', async () => {
  await using channel = open(registry('n1'), 'n1');
  await channel.ready();
  await expect.poll(() => channel.snapshot().pods.every(({ state }) => state === 'ready')).toBe(true);
  expect(await reached(channel)).toEqual(new Set([near.address]));
  expect(channel.snapshot().zone).toEqual({ name: 'a', node: 'n1', problem: undefined });
});

test('calls stay in the zone of the own node, as the registry tells it', async () => {
  await using channel = open(registry('n3', { n1: 'a' }), 'n1');
  await channel.ready();
  await expect.poll(() => channel.snapshot().zone?.name).toBe('a');
  await expect.poll(() => channel.snapshot().pods.every(({ state }) => state === 'ready')).toBe(true);
  await expect.poll(() => reached(channel)).toEqual(new Set([near.address]));
});

test.each([
  ['n1', 'the zone of the node n1 is not known, and none is preferred'],
  [undefined, 'options.zone.node is not set: no zone is preferred'],
])(
  'no zone is preferred while that of the node %s is not known, and the snapshot says so',
  async (node, why) => {
    await using channel = open(registry('n3'), node);
    await channel.ready();
    await expect.poll(() => channel.snapshot().pods.every(({ state }) => state === 'ready')).toBe(true);
    await expect.poll(() => channel.snapshot().zone?.problem).toContain(why);
    expect(await reached(channel)).toEqual(new Set([near.address, far.address]));
  },
);

test.each([
  [{ zone: { node: 7 } }, 'options.zone.node: 7 must be a string'],
  [{ zone: { nod: 'n1' } }, "options.zone.nod is unknown; did you mean 'node'?"],
  [{ zone: 7 }, 'options.zone: 7 must be a string'],
  [{ zone: '' }, 'options.zone: "" must be a string'],
])('%j is refused', (options, said) => {
  expect(() => createChannel('static:///127.0.0.1:1', options as never)).toThrow(said);
});
