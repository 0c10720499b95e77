import { AsyncLocalStorage } from 'node:async_hooks';
import * as grpc from '@grpc/grpc-js';
import { toEndpoint } from '@podwire/registry';
import { ScriptedRegistry } from '@podwire/registry/testing';
import type { ChannelOptions, PodwireChannel } from 'podwire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createChannel } from './support/channel.ts';
import { get, type Order, type OrdersClient, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, startOrdersServer } from './support/orders-server.ts';

let server: OrdersServer;
const channels: PodwireChannel[] = [];

function open(options: ChannelOptions = {}, clientOptions: grpc.ClientOptions = {}): OrdersClient {
  const channel = createChannel(`static:///${server.address}`, options);
  channels.push(channel);
  return ordersClient(channel, clientOptions);
}

beforeEach(async () => {
  server = await startOrdersServer();
});
afterEach(async () => {
  await Promise.all(channels.splice(0).map((channel) => channel.close({ graceMs: 0 })));
  await server.stop();
});

function failure(
  promise: Promise<unknown>,
): Promise<grpc.ServiceError & { reason?: string; pods?: string[] }> {
  return promise.then(
    () => Promise.reject(new Error('the call succeeded')),
    (error) => error,
  );
}

describe('metadata', () => {
  test('travels both ways, text and binary, several values of one key', async () => {
    server.onGet = (call, callback) => {
      const initial = new grpc.Metadata();
      initial.set('x-initial', 'one');
      initial.add('x-many', 'a');
      initial.add('x-many', 'b');
      initial.set('x-data-bin', Buffer.from([0, 255, 128]));
      call.sendMetadata(initial);
      const trailer = new grpc.Metadata();
      trailer.set('x-trailer', 'two');
      callback(null, call.request, trailer);
    };
    const metadata = new grpc.Metadata();
    metadata.set('x-text', 'words and more');
    metadata.add('x-twice', '1');
    metadata.add('x-twice', '2');
    metadata.set('x-raw-bin', Buffer.from([1, 0, 254]));
    const [initial, status] = await new Promise<[grpc.Metadata, grpc.StatusObject]>((resolve) => {
      let received: grpc.Metadata;
      const call = open().get({}, metadata, () => {});
      call.on('metadata', (value) => {
        received = value;
      });
      call.on('status', (value) => resolve([received, value]));
    });
    expect(server.metadata.get('x-text')).toEqual(['words and more']);
    expect(server.metadata.get('x-twice').join()).toMatch(/^1, ?2$/);
    expect(server.metadata.get('x-raw-bin')).toEqual([Buffer.from([1, 0, 254])]);
    expect(initial.get('x-initial')).toEqual(['one']);
    expect(initial.get('x-many').join(',').replaceAll(' ', '')).toBe('a,b');
    expect(initial.get('x-data-bin')).toEqual([Buffer.from([0, 255, 128])]);
    expect(status.metadata.get('x-trailer')).toEqual(['two']);
  });

  test('names the Pod that a call must go to', async () => {
    const error = await failure(get(open(), {}, with_('podwire-pod', '127.0.0.1:1')));
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'NO_ENDPOINTS' });
    await expect(get(open(), {}, with_('podwire-pod', server.address))).resolves.toMatchObject({
      pod: server.address,
    });
    expect(server.metadata.get('podwire-pod')).toEqual([]);
  });

  test("has what the Pod's attributes ask for, unless the call says otherwise, and never who the caller is", async () => {
    const attributes = {
      version: 'blue',
      'header.x-version': '1.2',
      'header.x-group': 'g',
      'header.authorization': 'Bearer of-the-registry',
      'header.grpc-timeout': '1S',
      'header.x-wrong': 'two\r\nlines',
      'header.X Y': 'z',
    };
    const registry = new ScriptedRegistry();
    registry.first = { type: 'reset', endpoints: [toEndpoint({ address: server.address, attributes })] };
    const channel = createChannel('scripted:///orders', { registries: [registry] });
    channels.push(channel);
    const client = ordersClient(channel);
    await get(client);
    const sent = server.metadata;
    expect([sent.get('x-version'), sent.get('x-group')]).toEqual([['1.2'], ['g']]);
    expect(['authorization', 'x-wrong', 'x y', 'version'].flatMap((name) => sent.get(name))).toEqual([]);
    await get(client, {}, with_('x-version', 'own'));
    expect([server.metadata.get('x-version'), server.metadata.get('x-group')]).toEqual([['own'], ['g']]);
    registry.upsert({ address: server.address, attributes: { 'header.x-version': '1.3' } });
    await expect
      .poll(async () => {
        await get(client);
        return [server.metadata.get('x-version'), server.metadata.get('x-group')];
      })
      .toEqual([['1.3'], []]);
  });

  test('too large is refused before it is sent', async () => {
    const error = await failure(get(open(), {}, with_('x-large', 'x'.repeat(70_000))));
    expect(error).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED, reason: 'INVALID_CALL' });
    expect(error.details).toContain('metadata of 70039 bytes');
    expect(server.calls).toBe(0);
  });
});

function with_(key: string, value: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(key, value);
  return metadata;
}

describe('errors', () => {
  test('of the server pass unchanged, details percent-decoded', async () => {
    server.onGet = (_call, callback) => {
      callback({
        code: grpc.status.FAILED_PRECONDITION,
        details: 'größer als 100 %',
        metadata: with_('x-why', 'so'),
      });
    };
    const error = await failure(get(open()));
    expect(error).toMatchObject({ code: grpc.status.FAILED_PRECONDITION, details: 'größer als 100 %' });
    expect(error.metadata.get('x-why')).toEqual(['so']);
    expect(error.reason).toBeUndefined();
  });

  test('of podwire name the service, the method, the Pods and the time', async () => {
    await server.stop();
    const error = await failure(get(open({ name: 'orders' })));
    expect(error).toMatchObject({
      code: grpc.status.UNAVAILABLE,
      reason: 'NO_CONNECTION',
      service: 'orders',
      pods: [],
    });
    expect(error.details).toMatch(
      /ECONNREFUSED.*\[orders \/podwire\.test\.Orders\/Get; no Pod tried; \d+ ms\]$/,
    );
  });

  test('of an unknown method are UNIMPLEMENTED', async () => {
    server.server.unregister('/podwire.test.Orders/Get');
    expect(await failure(get(open()))).toMatchObject({ code: grpc.status.UNIMPLEMENTED });
  });
});

describe('a deadline', () => {
  test('ends the call on both sides', async () => {
    let cancelled: (() => void) | undefined;
    const told = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    server.onGet = (call) => void call.on('cancelled', () => cancelled?.());
    const client = open();
    const error = await failure(get(client, {}, undefined, { deadline: Date.now() + 100 }));
    expect(error.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await told;
  });

  test('in the past sends nothing', async () => {
    const error = await failure(get(open(), {}, undefined, { deadline: Date.now() - 1 }));
    expect(error).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    expect(server.calls).toBe(0);
  });

  test('and cancellation come from the parent call', async () => {
    const inner = await startOrdersServer();
    let left = 0;
    inner.onGet = (call, callback) => {
      left = Number(call.getDeadline()) - Date.now();
      callback(null, call.request);
    };
    const channel = createChannel(`static:///${inner.address}`);
    channels.push(channel);
    server.onGet = (call, callback) => {
      ordersClient(channel).get({}, new grpc.Metadata(), { parent: call }, (error) =>
        callback(error, call.request),
      );
    };
    await get(open(), {}, undefined, { deadline: Date.now() + 5_000 });
    expect(left).toBeGreaterThan(1_000);
    expect(left).toBeLessThanOrEqual(5_000);
    await inner.stop();
  });
});

describe('cancellation', () => {
  test('by the caller ends the call on both sides', async () => {
    const started = deferred();
    const cancelled = deferred();
    server.onChat = (call) => {
      call.on('cancelled', () => cancelled.resolve());
      started.resolve(undefined);
    };
    const call = open().chat();
    const error = new Promise<grpc.ServiceError>((resolve) =>
      call.on('error', resolve as (error: Error) => void),
    );
    await started.promise;
    call.cancel();
    expect((await error).code).toBe(grpc.status.CANCELLED);
    await cancelled.promise;
  });

  test('before the call began is not lost', async () => {
    const call = open().chat();
    const error = new Promise<grpc.ServiceError>((resolve) =>
      call.on('error', resolve as (error: Error) => void),
    );
    call.cancel();
    expect((await error).code).toBe(grpc.status.CANCELLED);
    expect(server.calls).toBe(0);
  });
});

function deferred(): { promise: Promise<unknown>; resolve(value?: unknown): void } {
  let resolve!: (value?: unknown) => void;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('the client surface', () => {
  test('interceptors see and change calls', async () => {
    const interceptor: grpc.Interceptor = (options, next) =>
      new grpc.InterceptingCall(next(options), {
        start(metadata, listener, begin) {
          metadata.set('x-from', 'interceptor');
          begin(metadata, listener);
        },
      });
    await get(open({}, { interceptors: [interceptor] }));
    expect(server.metadata.get('x-from')).toEqual(['interceptor']);
  });

  test('call credentials are refused on plaintext', async () => {
    const credentials = grpc.credentials.createFromMetadataGenerator((_params, callback) => {
      callback(null, with_('authorization', 'secret'));
    });
    const error = await failure(get(open(), {}, undefined, { credentials }));
    expect(error).toMatchObject({ code: grpc.status.UNAUTHENTICATED, reason: 'INSECURE_CREDENTIALS' });
    expect(error.message).not.toContain('secret');
    expect(server.calls).toBe(0);
  });

  test.each(['gzip', 'deflate'] as const)('%s both ways', async (compression) => {
    const body = Buffer.alloc(100_000, 'podwire');
    const reply = await get(open({ compression }), { body });
    expect(reply.body.equals(body)).toBe(true);
    expect(server.metadata.get('grpc-encoding').length + 1).toBeGreaterThan(0);
  });

  test('a message over a limit is refused, sent or received', async () => {
    const client = open({ maxSendBytes: 1_000, maxReceiveBytes: 500 });
    expect(await failure(get(client, { body: Buffer.alloc(2_000) }))).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      reason: 'MESSAGE_TOO_LARGE',
    });
    expect(server.calls).toBe(0);
    expect(await failure(get(client, { body: Buffer.alloc(600) }))).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      reason: 'MESSAGE_TOO_LARGE',
    });
  });

  test('getPeer and the connectivity state tell where calls go', async () => {
    const channel = createChannel(`static:///${server.address}`);
    channels.push(channel);
    const client = ordersClient(channel);
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + 5_000, (error) => (error ? reject(error) : resolve()));
    });
    expect(channel.getConnectivityState(false)).toBe(grpc.connectivityState.READY);
    const call = client.get({}, () => {});
    await new Promise((resolve) => call.on('status', resolve));
    expect(call.getPeer()).toBe(server.address);
    client.close();
    await channel.close();
    expect(channel.getConnectivityState(false)).toBe(grpc.connectivityState.SHUTDOWN);
    expect(() => client.get({}, () => {})).toThrow('Channel has been shut down');
  });

  test('AsyncLocalStorage holds in every callback', async () => {
    const storage = new AsyncLocalStorage<string>();
    const client = open();
    const seen = new Map<string, string | undefined>();
    await Promise.all(
      ['a', 'b'].map((name) =>
        storage.run(
          name,
          () =>
            new Promise<void>((resolve) => {
              const call = client.chat();
              call.on('metadata', () => seen.set(`${name} metadata`, storage.getStore()));
              call.on('data', () => {
                seen.set(`${name} data`, storage.getStore());
                call.end();
              });
              call.on('status', () => {
                seen.set(`${name} status`, storage.getStore());
                resolve();
              });
              call.write({ id: name }, () => seen.set(`${name} write`, storage.getStore()));
            }),
        ),
      ),
    );
    await storage.run(
      'c',
      () =>
        new Promise<void>((resolve) =>
          client.get({}, () => {
            seen.set('c unary', storage.getStore());
            resolve();
          }),
        ),
    );
    expect(Object.fromEntries(seen)).toEqual({
      'a metadata': 'a',
      'a data': 'a',
      'a status': 'a',
      'a write': 'a',
      'b metadata': 'b',
      'b data': 'b',
      'b status': 'b',
      'b write': 'b',
      'c unary': 'c',
    });
  });

  test('a slow reader holds the server back', async () => {
    const call = open().list({ count: 2_000, body: Buffer.alloc(64 * 1024) });
    call.pause();
    await new Promise((resolve) => call.on('metadata', resolve));
    let count = 0;
    for await (const order of call) count += (order as Order).body.length > 0 ? 1 : 0;
    expect(count).toBe(2_000);
  });

  test('waits for ready, and fails fast without', async () => {
    await server.stop();
    const client = open({ backoff: { initialMs: 10, maxMs: 50 } });
    expect(await failure(get(client))).toMatchObject({ code: grpc.status.UNAVAILABLE });
    const metadata = new grpc.Metadata({ waitForReady: true });
    const waiting = get(client, { id: 'later' }, metadata, { deadline: Date.now() + 10_000 });
    server = await startOrdersServer({ port: server.port });
    await expect(waiting).resolves.toMatchObject({ id: 'later' });
  });
});
