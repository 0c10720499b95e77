import * as grpc from '@grpc/grpc-js';
import { createClient } from 'podwire';
import { createTestChannel } from 'podwire/testing';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  get,
  type Order,
  type OrdersClient,
  OrdersConstructor,
  ordersClient,
  ordersService,
} from './support/orders-client.ts';
import { failure } from './support/orders-fixture.ts';
import { until } from './support/until.ts';

type UnaryCall = grpc.ServerUnaryCall<Order, Order>;
type Callback = grpc.sendUnaryData<Order>;

const metadataOf = (entries: Record<string, string>) => {
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
};

const implementation = {
  get(call: UnaryCall, callback: Callback) {
    const seen = String(call.metadata.get('x-tenant')[0] ?? '');
    call.sendMetadata(metadataOf({ 'x-initial': seen }));
    callback(null, { ...call.request, pod: seen }, metadataOf({ 'x-trailing': seen }));
  },
  collect(call: grpc.ServerReadableStream<Order, Order>, callback: Callback) {
    let count = 0;
    call.on('data', () => {
      count += 1;
    });
    call.on('end', () => callback(null, { id: '', body: Buffer.alloc(0), count, pod: '' }));
  },
  list(call: grpc.ServerWritableStream<Order, Order>) {
    for (let i = 0; i < call.request.count; i++) call.write({ ...call.request, count: i });
    call.end();
  },
  chat(call: grpc.ServerDuplexStream<Order, Order>) {
    call.on('data', (order: Order) => call.write(order));
    call.on('end', () => call.end());
  },
};

function open(changes: grpc.UntypedServiceImplementation = {}, options = {}) {
  const channel = createTestChannel(ordersService, { ...implementation, ...changes }, options);
  onTestFinished(() => channel.close({ graceMs: 0 }));
  return channel;
}

afterEach(() => {
  vi.useRealTimers();
});

const clients = [
  ['a generated client', (channel: grpc.Channel) => ordersClient(channel)],
  [
    'createClient',
    (channel: grpc.Channel) =>
      createClient(OrdersConstructor as never, channel as never) as unknown as OrdersClient,
  ],
] as const;

describe.each(clients)('over an in-memory channel %s', (_name, make) => {
  test('makes all four kinds of calls', async () => {
    const client = make(open());
    const body = Buffer.alloc(300_000, 'podwire');
    expect((await get(client, { id: '7', body })).body.equals(body)).toBe(true);
    const count = await new Promise<number | undefined>((resolve, reject) => {
      const call = client.collect((error, reply) => (error === null ? resolve(reply?.count) : reject(error)));
      for (let i = 0; i < 5; i++) call.write({ id: `${i}` });
      call.end();
    });
    expect(count).toBe(5);
    const listed: number[] = [];
    for await (const order of client.list({ count: 500, body: Buffer.alloc(1_000) }))
      listed.push(order.count);
    expect(listed).toHaveLength(500);
    const chat = client.chat();
    const echoed: string[] = [];
    chat.write({ id: 'a' });
    chat.write({ id: 'b' });
    chat.end();
    for await (const order of chat) echoed.push(order.id);
    expect(echoed).toEqual(['a', 'b']);
  });

  test('sends and receives metadata, and statuses with details', async () => {
    const channel = open();
    const call = make(channel).get({}, metadataOf({ 'x-tenant': 'blue' }), () => {});
    const initial = await new Promise<grpc.Metadata>((resolve) => call.on('metadata', resolve));
    const status = await new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
    expect([initial.get('x-initial'), status.metadata.get('x-trailing')]).toEqual([['blue'], ['blue']]);
    const refusing = make(
      open({
        get: (_call: UnaryCall, callback: Callback) =>
          callback({
            code: grpc.status.NOT_FOUND,
            details: 'no order 7',
            metadata: metadataOf({ 'x-why': 'so' }),
          }),
      }),
    );
    const error = await failure(get(refusing));
    expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'no order 7' });
    expect(error.metadata.get('x-why')).toEqual(['so']);
  });

  test('has deadlines, and the server hears of a cancel', async () => {
    const calls: UnaryCall[] = [];
    const client = make(open({ get: (call: UnaryCall) => void calls.push(call) }));
    const late = failure(get(client, {}, new grpc.Metadata(), { deadline: Date.now() + 50 }));
    expect(await late).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    const cancelled = new Promise<grpc.ServiceError | null>((resolve) => {
      const call = client.get({}, resolve);
      void until(() => calls.length === 2).then(() => call.cancel());
    });
    expect(await cancelled).toMatchObject({ code: grpc.status.CANCELLED });
    await until(() => calls.every(({ cancelled: isCancelled }) => isCancelled));
  });

  test('works while timers are fake', async () => {
    vi.useFakeTimers();
    const client = make(open());
    expect((await get(client, { id: '7' })).id).toBe('7');
    expect((await get(client, { id: '8' })).id).toBe('8');
  });
});

test('a server of one’s own brings its services and interceptors, and outlives the channel', async () => {
  const seen: string[] = [];
  const server = new grpc.Server({
    interceptors: [
      (method, call) => {
        seen.push(method.path);
        return new grpc.ServerInterceptingCall(call);
      },
    ],
  });
  server.addService(ordersService, implementation);
  for (let i = 0; i < 2; i++) {
    const channel = createTestChannel(server);
    await get(ordersClient(channel));
    await channel.close();
  }
  expect(seen).toEqual(['/podwire.test.Orders/Get', '/podwire.test.Orders/Get']);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
});

test('call credentials are sent', async () => {
  const credentials = grpc.credentials.createFromMetadataGenerator((_params, callback) => {
    callback(null, metadataOf({ 'x-tenant': 'secret' }));
  });
  expect((await get(ordersClient(open()), {}, new grpc.Metadata(), { credentials })).pod).toBe('secret');
});

test('takes a channel’s options, and refuses those that mean nothing within a process', async () => {
  const small = ordersClient(open({}, { maxReceiveBytes: 10, name: 'orders' }));
  const error = await failure(get(small, { body: Buffer.alloc(100) }));
  expect(error).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED, service: 'orders' });
  expect(() => open({}, { tls: true })).toThrow(
    'options.tls: true means nothing to a channel within the process',
  );
  expect(() => open({}, { retriess: true })).toThrow('options.retriess');
});

test('nothing is left after close, and calls under way end', async () => {
  const before = process.getActiveResourcesInfo();
  let reached = false;
  const channel = open({
    get: () => {
      reached = true;
    },
  });
  const call = failure(get(ordersClient(channel)));
  await until(() => reached);
  await channel.close({ graceMs: 0 });
  expect(await call).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'CHANNEL_CLOSED' });
  expect(channel.snapshot().state).toBe('closed');
  const added = () => {
    const now = process.getActiveResourcesInfo();
    for (const one of before) if (now.includes(one)) now.splice(now.indexOf(one), 1);
    return now.filter((one) => one !== 'Timeout' && one !== 'Immediate');
  };
  await until(() => added().length === 0);
});
