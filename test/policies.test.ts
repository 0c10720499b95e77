import * as grpc from '@grpc/grpc-js';
import { policyNames } from '@podwire/balancer';
import { ScriptedRegistry } from '@podwire/registry/testing';
import type { ChannelOptions, PodwireChannel } from 'podwire';
import { describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type OrdersClient, ordersClient } from './support/orders-client.ts';
import { failure } from './support/orders-fixture.ts';
import { type OrdersServer, openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

/** Nothing listens there. */
const UNREACHABLE = '127.0.0.1:1';
const CALLS = 24;

/** Four Pods, two in each zone, and a channel that hears of them from a registry that the test speaks for. */
async function open(options: ChannelOptions) {
  const servers: OrdersServer[] = [];
  for (let i = 0; i < 4; i++) servers.push(await openOrdersServer());
  const registry = new ScriptedRegistry();
  const channel = openChannel('scripted:///orders', {
    hashKey: { header: 'x-key' },
    backoff: { initialMs: 20, maxMs: 100 },
    ...options,
    registries: [registry],
  });
  await until(() => registry.open > 0);
  const addresses = servers.map(({ address }) => address);
  const zoneOf = (i: number) => (i < 2 ? 'a' : 'b');
  return {
    servers,
    channel,
    client: ordersClient(channel),
    addresses,
    /** What the registry says: each Pod as it is, but for what is given here. */
    async say(changes: Readonly<Record<string, object>> = {}, ...more: string[]) {
      const before = channel.snapshot().registry?.version;
      const known = addresses.map((address, i) => ({ address, zone: zoneOf(i), ...changes[address] }));
      registry.reset(...known, ...more.map((address) => ({ address, zone: 'a' })));
      await until(() => channel.snapshot().registry?.version !== before);
    },
  };
}

/** The Pods that calls went to, with how many each. */
async function callsOn(client: OrdersClient, metadata: Record<string, string> = {}): Promise<Set<string>> {
  const pods = await Promise.all(
    Array.from({ length: CALLS }, async (_, i) => {
      const sent = new grpc.Metadata();
      for (const [key, value] of Object.entries({ 'x-key': `${i}`, ...metadata })) sent.set(key, value);
      return (await get(client, {}, sent, { deadline: Date.now() + 30_000 })).pod;
    }),
  );
  return new Set(pods);
}

/** Over all Pods: a subset may hold those that are down alone. */
const inZone = ({ zone }: ChannelOptions): ChannelOptions => (zone === undefined ? {} : { zone });

const connectedTo = (channel: PodwireChannel) =>
  channel
    .snapshot()
    .pods.filter(({ connections }) => connections > 0)
    .map(({ id }) => id);

const where: readonly (readonly [string, ChannelOptions])[] = [
  ['over all Pods', {}],
  ['in a zone', { zone: 'a' }],
  ['over a subset', { subset: { size: 2, client: 1 } }],
];

describe.each(
  policyNames.flatMap((policy) => where.map(([text, options]) => [policy, text, options] as const)),
)('%s %s', (policy, _text, options) => {
  test.each([
    ['drains', { phase: 'draining' }],
    ['has weight 0', { weight: 0 }],
  ] as const)('gives a Pod that %s no new call, and loses none', async (_name, change) => {
    const { say, channel, client, addresses } = await open({ ...options, policy });
    await say();
    const used = await callsOn(client);
    for (const address of used) {
      await say({ [address]: change });
      expect(await callsOn(client)).not.toContain(address);
      await say();
    }
    // All but one.
    const [last, ...rest] = addresses as [string, ...string[]];
    await say(Object.fromEntries(rest.map((address) => [address, change])));
    expect(await callsOn(client)).toEqual(new Set([last]));
    if (policy === 'pick_first') await until(() => connectedTo(channel).join() === last);
  });

  test('passes over a Pod that cannot be reached', async () => {
    const { say, client, servers, channel } = await open({ ...inZone(options), policy });
    await say({}, UNREACHABLE);
    expect(await callsOn(client)).not.toContain(UNREACHABLE);
    // The Pod in use stops: its calls move.
    await servers[0]!.stop();
    await servers[1]!.stop();
    // A call that is sent as the Pod goes with an error may have reached it, and is not sent again.
    const stopped = servers.slice(0, 2).map(({ address }) => address);
    await until(() => !connectedTo(channel).some((id) => stopped.includes(id)));
    for (const pod of await callsOn(client))
      expect([servers[2]!.address, servers[3]!.address]).toContain(pod);
  });

  test('goes to the Pod that a call names, and to none that it excludes', async () => {
    const { say, channel, client } = await open({ ...options, policy });
    await say();
    await callsOn(client);
    const ids = channel.snapshot().pods.map(({ id }) => id);
    for (const id of ids) {
      expect(await callsOn(client, { 'podwire-pod': id })).toEqual(new Set([id]));
      expect(await callsOn(client, { 'podwire-exclude-pod': id })).not.toContain(id);
      const others = ids.filter((other) => other !== id);
      expect(await callsOn(client, { 'podwire-exclude-pod': others.join() })).toEqual(new Set([id]));
    }
    // None is left: the exclusion yields.
    expect((await callsOn(client, { 'podwire-exclude-pod': ids.join() })).size).toBeGreaterThan(0);
  });

  test('tells of a Pod that a call names and that cannot be reached, at once', async () => {
    const { say, client } = await open({ ...inZone(options), policy });
    await say({}, UNREACHABLE);
    await callsOn(client);
    const named = new grpc.Metadata();
    named.set('podwire-pod', UNREACHABLE);
    const startMs = performance.now();
    const error = await failure(get(client, {}, named));
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'NO_CONNECTION' });
    expect(error.details).toContain('the Pod that the call names cannot be connected to');
    // Not when the wait is over, which is 10 s.
    expect(performance.now() - startMs).toBeLessThan(8_000);
  });
});

describe('pick_first', () => {
  test('connects to one Pod, and to another one for each client', async () => {
    const used = new Set<string>();
    const { addresses, say, client, channel } = await open({ policy: 'pick_first' });
    await say();
    for (const pod of await callsOn(client)) used.add(pod);
    expect(connectedTo(channel)).toEqual([...used]);
    expect(
      channel
        .snapshot()
        .pods.map(({ state }) => state)
        .sort(),
    ).toEqual(['idle', 'idle', 'idle', 'ready']);
    for (let i = 0; i < 30; i++) {
      const other = openChannel(`static:///${addresses.join()}`, { policy: 'pick_first' });
      for (const pod of await callsOn(ordersClient(other))) used.add(pod);
      await other.close();
    }
    expect(used).toEqual(new Set(addresses));
  });

  test('takes the first of the list that serves, where it is not shuffled', async () => {
    const { say, client, addresses } = await open({ policy: { pick_first: { shuffleAddressList: false } } });
    await say({ [addresses[0]!]: { phase: 'draining' }, [addresses[1]!]: { weight: 0 } });
    expect(await callsOn(client)).toEqual(new Set([addresses[2]]));
  });

  test('lets calls under way finish on a Pod that it leaves', async () => {
    const { say, client, servers, channel } = await open({ policy: 'pick_first' });
    await say();
    const [used] = await callsOn(client);
    const server = servers.find(({ address }) => address === used)!;
    let answer = () => {};
    server.onGet = (call, callback) => {
      answer = () => callback(null, { ...call.request, pod: server.address });
    };
    const slow = get(client);
    const before = server.calls;
    await until(() => server.calls > before);
    await say({ [used!]: { phase: 'draining' } });
    expect(await callsOn(client)).not.toContain(used);
    expect(connectedTo(channel)).toHaveLength(2);
    answer();
    expect((await slow).pod).toBe(used);
    await until(() => connectedTo(channel).length === 1);
  });
});
