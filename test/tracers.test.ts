import * as grpc from '@grpc/grpc-js';
import { type ClientClass, createClient, type PodwireChannel } from 'podwire';
import { beforeEach, describe, expect, test } from 'vitest';
import { get, type OrdersClient, ordersService } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

type Method = (this: unknown, ...args: unknown[]) => unknown;
/** Puts a function in the place of a method, and makes it look like it. */
type Wrap = (original: Method, span: () => void) => Method;
type Methods = Record<string, Method>;

/** As shimmer does it, which OpenTelemetry uses. */
const shimmer: Wrap = (original, span) =>
  Object.assign(
    function wrapped(this: unknown, ...args: unknown[]) {
      span();
      return original.apply(this, args);
    },
    original,
    { __original: original },
  );

/** As dd-trace's shimmer does it: no mark, and every property is that of the method. */
const ddShimmer: Wrap = (original, span) => {
  const wrapped = function (this: unknown, ...args: unknown[]) {
    span();
    return original.apply(this, args);
  };
  Object.setPrototypeOf(wrapped, Object.getPrototypeOf(original));
  for (const key of Reflect.ownKeys(original))
    if (key !== 'prototype')
      Object.defineProperty(wrapped, key, Object.getOwnPropertyDescriptor(original, key)!);
  return wrapped;
};

/** By hand, in few words. */
const arrow: Wrap = (original, span) => {
  const client = { call: undefined as unknown };
  const wrapped = (...args: unknown[]) => {
    span();
    return original.apply(client.call, args);
  };
  return Object.assign(function (this: unknown, ...args: unknown[]) {
    client.call = this;
    return wrapped(...args);
  }, original);
};
const bound: Wrap = (original, span) =>
  Object.assign(
    new Proxy(original, {
      apply(target, client, args) {
        span();
        return Reflect.apply(target, client, args);
      },
    }),
  );

const orders = new OrdersFixture();
let channel: PodwireChannel;
let spans = 0;
const span = () => {
  spans += 1;
};
beforeEach(async () => {
  channel = await orders.readyChannel();
  spans = 0;
});

const newClass = () =>
  grpc.makeClientConstructor(ordersService, 'Orders') as unknown as ClientClass<OrdersClient>;
const wrapAll = (target: object, names: readonly string[], wrap: Wrap) => {
  const methods = target as Methods;
  for (const name of names) methods[name] = wrap(methods[name]!, span);
};
const GENERATED = ['get', 'collect', 'list', 'chat'];
const REQUESTS = [
  'makeUnaryRequest',
  'makeClientStreamRequest',
  'makeServerStreamRequest',
  'makeBidiStreamRequest',
];

/** One call of each kind, which all come to an end. */
async function callEach(client: OrdersClient): Promise<void> {
  await get(client);
  await new Promise((resolve) => client.collect(resolve).end());
  for await (const _ of client.list({ count: 1 }));
  const chat = client.chat();
  chat.end();
  for await (const _ of chat);
}

describe.each([
  ['OpenTelemetry', shimmer],
  ['dd-trace', ddShimmer],
  ['a function of its own', arrow],
  ['a Proxy', bound],
])('%s', (_name, wrap) => {
  test('wraps the generated methods', async () => {
    const Orders = newClass();
    wrapAll(Orders.prototype, GENERATED, wrap);
    await callEach(createClient(Orders, channel));
    expect(spans).toBe(4);
  });

  test('wraps them when clients were made already', async () => {
    const Orders = newClass();
    const client = createClient(Orders, channel);
    await callEach(client);
    wrapAll(Orders.prototype, GENERATED, wrap);
    await callEach(client);
    await callEach(createClient(Orders, channel));
    expect(spans).toBe(8);
  });

  test('wraps the methods of one client', async () => {
    const client = createClient(newClass(), channel);
    wrapAll(client, GENERATED, wrap);
    await callEach(client);
    expect(spans).toBe(4);
  });

  test.each(['before', 'after'])("wraps those of grpc-js's Client, %s a client was made", async (when) => {
    class Base extends grpc.Client {}
    const make = () => createClient(Base as unknown as ClientClass<grpc.Client>, channel);
    let client = make();
    wrapAll(Base.prototype, REQUESTS, wrap);
    if (when === 'before') client = make();
    const raw = (value: Buffer) => value;
    const message = Buffer.alloc(0);
    const path = '/podwire.test.Orders/';
    await new Promise((resolve) => client.makeUnaryRequest(`${path}Get`, raw, raw, message, resolve));
    await new Promise((resolve) => client.makeClientStreamRequest(`${path}Collect`, raw, raw, resolve).end());
    for await (const _ of client.makeServerStreamRequest(`${path}List`, raw, raw, message));
    const chat = client.makeBidiStreamRequest(`${path}Chat`, raw, raw);
    chat.end();
    for await (const _ of chat);
    expect(spans).toBe(4);
  });
});

test('a wrapper of `emit` of a call hears every event', async () => {
  const events: string[] = [];
  const client = createClient(newClass(), channel);
  await new Promise<void>((resolve) => {
    const call = client.get({}, () => {});
    const { emit } = call;
    call.emit = (event: string | symbol, ...args: unknown[]) => {
      events.push(String(event));
      if (event === 'status') resolve();
      return emit.call(call, event, ...args);
    };
  });
  expect(events).toEqual(['metadata', 'status']);
});

test('without a tracer calls go the short way', async () => {
  const call = createClient(newClass(), channel).get({}, () => {});
  // What grpc-js's own client makes has its name.
  expect(call.constructor.name).toBe('UnaryCall');
  await new Promise((resolve) => call.on('status', resolve));
});
