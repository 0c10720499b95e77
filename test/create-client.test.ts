import * as grpc from '@grpc/grpc-js';
import { type ClientClass, createClient, type PodwireChannel } from 'podwire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { get, type OrdersClient, OrdersConstructor } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

const Orders = OrdersConstructor as unknown as ClientClass<OrdersClient>;
const Base = OrdersConstructor as unknown as typeof grpc.Client;
const orders = new OrdersFixture();
let channel: PodwireChannel;
beforeEach(async () => {
  channel = await orders.readyChannel();
});
const none = () => expect.poll(() => channel.snapshot().calls.open).toBe(0);
afterEach(none);

describe('an interceptor sees the calls', () => {
  const seen: string[] = [];
  const interceptor: grpc.Interceptor = (options, next) => {
    seen.push(options.method_definition.path);
    return new grpc.InterceptingCall(next(options));
  };
  afterEach(() => {
    seen.length = 0;
  });

  test('of its client', async () => {
    const client = createClient(Orders, channel, { interceptors: [interceptor] });
    await get(client);
    expect(seen).toEqual(['/podwire.test.Orders/Get']);
  });

  test('of one call of each kind', async () => {
    const client = createClient(Orders, channel);
    const options = { interceptors: [interceptor] };
    const metadata = new grpc.Metadata();
    await get(client, {}, metadata, options);
    await get(client);
    await new Promise((resolve) => client.collect(metadata, options, resolve).end());
    for await (const _ of client.list({ count: 1 }, metadata, options));
    const chat = client.chat(metadata, options);
    chat.end();
    for await (const _ of chat);
    expect(seen).toEqual(['Get', 'Collect', 'List', 'Chat'].map((name) => `/podwire.test.Orders/${name}`));
  });

  test('and so does a callInvocationTransformer', async () => {
    const client = createClient(Orders, channel, {
      callInvocationTransformer: (properties) => {
        seen.push(properties.methodDefinition.path);
        return properties;
      },
    });
    await get(client);
    expect(seen).toHaveLength(1);
  });
});

test('a tracer that wrapped the class sees the calls, and so does a subclass of the user', async () => {
  const seen: string[] = [];
  class Traced extends Base {}
  const original = Traced.prototype.makeUnaryRequest;
  const wrapped = function (this: grpc.Client, ...args: unknown[]) {
    seen.push('tracer');
    return (original as (...all: unknown[]) => unknown).apply(this, args);
  };
  Traced.prototype.makeUnaryRequest = Object.assign(wrapped, { __original: original }) as never;
  class Mine extends Base {
    get(...args: unknown[]): unknown {
      seen.push('mine');
      return (Base.prototype as unknown as { get(...all: unknown[]): unknown }).get.apply(this, args);
    }
  }
  await get(createClient(Mine as unknown as ClientClass<OrdersClient>, channel));
  expect(seen).toEqual(['mine']);
  const traced = createClient(Traced as unknown as ClientClass<grpc.Client>, channel);
  const bytes = (value: Buffer) => value;
  await new Promise((resolve) =>
    traced.makeUnaryRequest('/podwire.test.Orders/Get', bytes, bytes, Buffer.alloc(0), resolve),
  );
  expect(seen).toEqual(['mine', 'tracer']);
});

test('arguments that fit no call are refused at once', () => {
  const client = createClient(Orders, channel) as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const args of [
    [{}],
    [{}, null],
    [{}, 1, () => {}],
    [{}, new grpc.Metadata(), () => {}, 3].slice(0, 2),
  ])
    expect(() => client.get!(...args)).toThrow('the arguments after the message must be');
  expect(() => client.list!({}, 7)).toThrow('the arguments must be');
  expect(() => client.chat!(new grpc.Metadata(), 'x')).toThrow('the arguments must be');
});

describe('what can go wrong with messages', () => {
  const raw = (value: Buffer) => value;
  const fails = () => {
    throw new Error('out of range');
  };
  const request = (
    path: string,
    serialize: (value: Buffer) => Buffer,
    deserialize: (bytes: Buffer) => Buffer,
  ) =>
    new Promise<grpc.ServiceError | null>((resolve) => {
      const client = createClient(grpc.Client as unknown as ClientClass<grpc.Client>, channel);
      client.makeUnaryRequest(path, serialize, deserialize, Buffer.alloc(0), resolve);
    });

  test('one that cannot be serialized or parsed fails the call, in grpc-js’s words', async () => {
    const path = '/podwire.test.Orders/Get';
    expect(await request(path, fails, raw)).toMatchObject({
      code: grpc.status.INTERNAL,
      details: expect.stringContaining('Request message serialization failure: out of range'),
    });
    expect(await request(path, raw, fails)).toMatchObject({
      code: grpc.status.INTERNAL,
      details: expect.stringContaining('Response message parsing error: out of range'),
    });
  });

  test('a second one, and none, where there is to be one', async () => {
    const asOrder = OrdersConstructor.service.Get!.requestSerialize;
    const list = '/podwire.test.Orders/List';
    expect(await request(list, () => asOrder({ count: 2 }), raw)).toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
      details: expect.stringContaining('Too many responses received'),
    });
    expect(await request(list, () => asOrder({ count: 0 }), raw)).toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
      details: expect.stringContaining('No message received'),
    });
  });

  test('an error names the Pods that were tried', async () => {
    const error = await get(createClient(Orders, channel), {}, new grpc.Metadata(), { deadline: 1 }).catch(
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED' });
    expect(error.message).toContain('4 DEADLINE_EXCEEDED: ');
  });
});

test("options that are null are not set, as in grpc-js's clients", async () => {
  const names = ['deadline', 'host', 'parent', 'propagate_flags', 'credentials', 'interceptors'];
  const options = Object.fromEntries(names.map((name) => [name, null]));
  await get(createClient(Orders, channel), {}, new grpc.Metadata(), options);
});

test('what is no generated class, no channel or no option is refused at once', () => {
  const make = createClient as (...args: unknown[]) => unknown;
  expect(() => make(channel, Orders)).toThrow("must be a class that extends grpc-js's Client");
  expect(() => make(Orders)).toThrow('channel: undefined must be a channel');
  expect(() => make(Orders, channel, { interceptor: [] })).toThrow(
    "options.interceptor is unknown; did you mean 'interceptors'?",
  );
});

test('a class of another copy of grpc-js keeps the metadata that it knows', () => {
  class Metadata {}
  class Foreign {
    readonly options: unknown;
    constructor(_address: string, _credentials: unknown, options: unknown) {
      this.options = options;
    }
    makeUnaryRequest(..._args: unknown[]): unknown {
      return _args.at(-1);
    }
  }
  const client = createClient(Foreign, channel);
  const metadata = new Metadata();
  expect(client.makeUnaryRequest('/a/b', metadata)).toBe(metadata);
  expect(client.options).toMatchObject({ channelOverride: channel });
});
