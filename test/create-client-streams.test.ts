import { AsyncLocalStorage } from 'node:async_hooks';
import { addAbortSignal } from 'node:stream';
import * as grpc from '@grpc/grpc-js';
import { type ClientClass, createClient, type PodwireChannel } from 'podwire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Order, type OrdersClient, OrdersConstructor, ordersClient } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

const Orders = OrdersConstructor as unknown as ClientClass<OrdersClient>;
const orders = new OrdersFixture();
let channel: PodwireChannel;
beforeEach(async () => {
  channel = await orders.readyChannel();
});
const none = () => expect.poll(() => channel.snapshot().calls.open).toBe(0);
afterEach(none);

test('a caller that destroys a stream need not listen for an error: it ends with close alone', async () => {
  const client = createClient(Orders, channel);
  const told: unknown[] = [];
  const uncaught = (error: unknown) => told.push(error);
  process.on('uncaughtException', uncaught);
  const closed = [client.list({ count: 5_000 }), client.chat()].map((stream) => {
    const close = new Promise((resolve) => stream.on('close', resolve));
    stream.destroy();
    return close;
  });
  const why = new Error('why');
  const stream = client.chat().on('error', (error) => told.push(error));
  const status = new Promise((resolve) => stream.on('status', resolve));
  stream.destroy(why);
  expect(await status).toMatchObject({ code: grpc.status.CANCELLED });
  await Promise.all(closed);
  await none();
  await new Promise(setImmediate);
  process.off('uncaughtException', uncaught);
  expect(told).toEqual([why]);
});

test('a channel closed under calls says so to each, and closing it again waits for the same', async () => {
  const own = await orders.readyChannel();
  const client = createClient(Orders, own);
  const chat = client.chat();
  const errors = [new Promise((resolve) => chat.on('error', resolve))];
  errors.push(new Promise((resolve) => client.collect(resolve).write({ id: 'a' })));
  chat.write({ id: 'a' });
  await new Promise((resolve) => chat.once('data', resolve));
  const closing = own.close({ graceMs: 10 });
  await Promise.all([closing, own.close()]);
  for (const error of await Promise.all(errors))
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'CHANNEL_CLOSED' });
  await expect.poll(() => own.snapshot().calls.open).toBe(0);
});

test('a channel that is closed tells the callers that wait for it', async () => {
  const own = orders.channel();
  const client = createClient(Orders, own);
  await own.close();
  const error = await new Promise<Error | undefined>((resolve) =>
    client.waitForReady(Number.POSITIVE_INFINITY, resolve),
  );
  expect(error?.message).toBe('The channel has been closed');
});

test('breaking out of a stream ends its call; so does destroying one that is written', async () => {
  const client = createClient(Orders, channel);
  for await (const _ of client.list({ count: 5_000 })) break;
  await none();
  const failed = new Promise((resolve) =>
    client
      .collect(resolve)
      .on('error', () => {})
      .destroy(),
  );
  expect(await failed).toMatchObject({ code: grpc.status.CANCELLED });
  const chat = client.chat().on('error', () => {});
  chat.write({ id: 'a' });
  chat.destroy();
  await none();
});

test('an AbortSignal cancels a stream’s call', async () => {
  const abort = new AbortController();
  const stream = addAbortSignal(abort.signal, createClient(Orders, channel).chat());
  const failed = new Promise((resolve) => stream.on('error', resolve));
  const ended = new Promise((resolve) => stream.on('status', resolve));
  abort.abort();
  expect(await failed).toMatchObject({ name: 'AbortError' });
  expect(await ended).toMatchObject({ code: grpc.status.CANCELLED });
});

test('a slow reader holds back what it does not read', async () => {
  let sent = 0;
  orders.server.onChat = (call) => {
    const body = Buffer.alloc(10_000);
    const more = () => {
      if (call.cancelled) return;
      sent += 1;
      if (call.write({ id: '', body, count: sent, pod: '' })) setImmediate(more);
      else call.once('drain', more);
    };
    more();
  };
  const stream = createClient(Orders, channel).chat();
  let read = 0;
  for await (const _ of stream) {
    read += 1;
    expect(stream.readableLength).toBeLessThanOrEqual(32);
    if (read === 300) break;
  }
});

test('a caller that sends the next message whenever there is room does not fill the stack', async () => {
  const client = ordersClient(channel);
  let left = 100_000;
  const interceptor: grpc.Interceptor = (options, next) => {
    const call = new grpc.InterceptingCall(next(options));
    const send = (message: unknown) => {
      left -= 1;
      if (left < 0) return call.halfClose();
      call.sendMessageWithContext({ callback: () => send(message) }, message);
    };
    return Object.assign(Object.create(call), {
      sendMessageWithContext: (_context: unknown, message: unknown) => send(message),
      halfClose: () => {},
    });
  };
  const reply = await new Promise<Order>((resolve, reject) => {
    const call = client.collect(new grpc.Metadata(), { interceptors: [interceptor] }, (error, order) =>
      error === null ? resolve(order!) : reject(error),
    );
    call.end({ id: 'x' });
  });
  expect(reply.count).toBe(100_000);
});

test('callbacks and events run in the async context of the call, and tell its metadata', async () => {
  const storage = new AsyncLocalStorage<string>();
  const client = createClient(Orders, channel);
  const seen: unknown[] = [];
  await storage.run('mine', async () => {
    await new Promise<void>((resolve) => {
      const call = client.get({ id: 'x' }, () => {
        seen.push(storage.getStore());
        resolve();
      });
      call.on('metadata', (metadata: grpc.Metadata) => {
        seen.push(storage.getStore(), metadata instanceof grpc.Metadata, metadata.clone().getMap());
      });
    });
  });
  expect(seen.slice(0, 2)).toEqual(['mine', true]);
  expect(seen.at(-1)).toBe('mine');
});
