import * as grpc from '@grpc/grpc-js';
import { createClient } from 'nice-grpc';
import { type ClientClass, createClient as createShortClient, type PodwireChannel } from 'podwire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrdersDefinition } from './generated/orders-nice-grpc.ts';
import { OrdersClient as TsProtoClient } from './generated/orders-ts-proto.ts';
import { createChannel } from './support/channel.ts';
import { OrdersConstructor, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, startOrdersServer } from './support/orders-server.ts';
import { OrdersStaticClient, Order as StaticOrder } from './support/orders-static.ts';

let servers: OrdersServer[];
let channel: PodwireChannel;

beforeAll(async () => {
  servers = await Promise.all([startOrdersServer(), startOrdersServer()]);
  channel = createChannel(`static:///${servers.map(({ address }) => address).join(',')}`, {
    policy: 'round_robin',
  });
  await channel.ready();
});
afterAll(async () => {
  await channel.close({ graceMs: 0 });
  await Promise.all(servers.map((server) => server.stop()));
});

interface AnyOrder {
  readonly id: string;
  readonly count: number;
}
/** What all clients that stand on grpc-js's `Client` have. */
interface AnyClient {
  get(order: unknown, callback: (error: grpc.ServiceError | null, reply: AnyOrder) => void): unknown;
  collect(
    callback: (error: grpc.ServiceError | null, reply: AnyOrder) => void,
  ): grpc.ClientWritableStream<unknown>;
  list(order: unknown): grpc.ClientReadableStream<AnyOrder>;
  chat(): grpc.ClientDuplexStream<unknown, AnyOrder>;
}

const plain = (fields: object) => ({ id: '', body: Buffer.alloc(0), count: 0, pod: '', ...fields });
const kinds: Readonly<Record<string, { open(): unknown; make(fields: object): unknown }>> = {
  'proto-loader': { open: () => ordersClient(channel), make: plain },
  'ts-proto': {
    open: () => new TsProtoClient('orders', grpc.credentials.createInsecure(), { channelOverride: channel }),
    make: plain,
  },
  'grpc-tools': {
    open: () =>
      new OrdersStaticClient('orders', grpc.credentials.createInsecure(), { channelOverride: channel }),
    make: (fields) => Object.assign(new StaticOrder(), fields),
  },
  'proto-loader, made by createClient': {
    open: () => createShortClient(OrdersConstructor as unknown as ClientClass<AnyClient>, channel),
    make: plain,
  },
  'ts-proto, made by createClient': { open: () => createShortClient(TsProtoClient, channel), make: plain },
  'grpc-tools, made by createClient': {
    open: () => createShortClient(OrdersStaticClient, channel),
    make: (fields) => Object.assign(new StaticOrder(), fields),
  },
};

describe.each(Object.entries(kinds))('a client of %s', (_kind, { open, make }) => {
  const client = () => open() as AnyClient;

  test('makes unary calls', async () => {
    const reply = await new Promise<AnyOrder>((resolve, reject) => {
      client().get(make({ id: 'one' }), (error, order) => (error === null ? resolve(order) : reject(error)));
    });
    expect(reply.id).toBe('one');
  });

  test('streams from the client', async () => {
    const reply = await new Promise<AnyOrder>((resolve, reject) => {
      const call = client().collect((error, order) => (error === null ? resolve(order) : reject(error)));
      for (let i = 0; i < 10; i++) call.write(make({ id: String(i) }));
      call.end();
    });
    expect(reply.count).toBe(10);
  });

  test('streams from the server', async () => {
    const counts: number[] = [];
    for await (const order of client().list(make({ count: 4 }))) counts.push((order as AnyOrder).count);
    expect(counts).toEqual([0, 1, 2, 3]);
  });

  test('streams both ways', async () => {
    const call = client().chat();
    const seen: string[] = [];
    call.write(make({ id: 'a' }));
    call.write(make({ id: 'b' }));
    call.end();
    for await (const order of call) seen.push((order as AnyOrder).id);
    expect(seen).toEqual(['a', 'b']);
  });
});

describe('nice-grpc', () => {
  // No cast: the channel is of the type that it asks for.
  const open = () => createClient(OrdersDefinition, channel);

  test('makes unary calls, and both ways of streaming', async () => {
    const client = open();
    expect((await client.get({ id: 'one' })).id).toBe('one');
    async function* orders() {
      for (let i = 0; i < 5; i++) yield { id: String(i) };
    }
    expect((await client.collect(orders())).count).toBe(5);
    const listed: number[] = [];
    for await (const order of client.list({ count: 3 })) listed.push(order.count);
    expect(listed).toEqual([0, 1, 2]);
    const echoed: string[] = [];
    for await (const order of client.chat(orders())) echoed.push(order.id);
    expect(echoed).toEqual(['0', '1', '2', '3', '4']);
  });

  test('cancels by AbortSignal', async () => {
    const abort = new AbortController();
    const stream = open().chat(
      (async function* () {
        yield { id: 'first' };
        await new Promise((resolve) => abort.signal.addEventListener('abort', resolve));
      })(),
      { signal: abort.signal },
    );
    await expect(
      (async () => {
        for await (const _ of stream) abort.abort();
      })(),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });
});
