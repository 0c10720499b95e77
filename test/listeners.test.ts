import * as grpc from '@grpc/grpc-js';
import { type ClientClass, createClient, type PodwireChannel } from 'podwire';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { get, type OrdersClient, OrdersConstructor } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

/** What a listener of the user's throws surfaces as an uncaught exception, and harms no other call. */
let thrown: unknown[];
beforeEach(() => {
  thrown = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => thrown.push(error));
  onTestFinished(async () => {
    // What is thrown while a channel closes.
    await new Promise(setImmediate);
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });
});
const orders = new OrdersFixture();

function fail(what: string): () => never {
  return () => {
    throw new Error(what);
  };
}

const CLIENTS: Readonly<Record<string, (channel: PodwireChannel) => OrdersClient>> = {
  'grpc-js': (channel) =>
    new OrdersConstructor('orders', grpc.credentials.createInsecure(), {
      channelOverride: channel,
    }) as unknown as OrdersClient,
  createClient: (channel) => createClient(OrdersConstructor as unknown as ClientClass<OrdersClient>, channel),
};

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  test.each(Object.entries(CLIENTS))('callbacks of calls made by %s', async (_name, make) => {
    const channel = await orders.readyChannel({ transport });
    const client = make(channel);
    const chat = client.chat().on('error', () => {});
    const messages: string[] = [];
    chat.on('data', ({ id }) => messages.push(id));
    chat.write({ id: 'before' });
    await expect.poll(() => messages).toEqual(['before']);

    const wanted: string[] = [];
    const answered: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i++) {
      const failing = (what: string) => {
        wanted.push(`${what} ${i}`);
        return fail(`${what} ${i}`);
      };
      client.get({}, failing('callback'));
      client.get({}, () => {}).on('metadata', failing('metadata'));
      client.get({}, () => {}).on('status', failing('status'));
      // Node's streams do not go on after a handler that threw: such a call is its caller's to cancel.
      const list = client.list({ count: 2 }).on('error', () => {});
      list.once('data', failing('data'));
      client.collect(() => {}).write({}, failing('written'));
      answered.push(get(client, { id: String(i) }));
      await expect.poll(() => thrown.length).toBe(wanted.length);
      list.cancel();
    }
    await Promise.all(answered);
    chat.write({ id: 'after' });
    await expect.poll(() => messages).toEqual(['before', 'after']);
    expect(thrown.map((error) => (error as Error).message).sort()).toEqual(wanted.sort());
    // The calls went on where they were, and none is left but the chat and those that collect.
    await expect.poll(() => channel.snapshot().calls.open).toBe(21);
    expect(channel.snapshot().pods).toMatchObject([{ state: 'ready', connections: 1, lastError: undefined }]);
  });

  test('handlers of channel.events', async () => {
    const channel = orders.channel({ transport, mesh: { address: orders.server.address } });
    const events = ['pod', 'endpoints', 'registry', 'mode'] as const;
    for (const event of events) channel.events.on(event, fail(event));
    await channel.ready();
    await channel.setMode('mesh');
    await channel.setMode('direct');
    await expect(get(CLIENTS['grpc-js']!(channel))).resolves.toBeDefined();
    await expect
      .poll(() => new Set(thrown.map((error) => (error as Error).message)))
      .toEqual(new Set(events));
  });

  test('callbacks of waiting for a state', async () => {
    const channel = orders.channel({ transport });
    const state = channel.getConnectivityState(false);
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, fail('state'));
    await channel.ready();
    await expect.poll(() => thrown).toEqual([new Error('state')]);
    await expect(get(CLIENTS.createClient!(channel))).resolves.toBeDefined();
  });
});
