import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import * as grpc from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type Order, ordersClient } from './support/orders-client.ts';
import { failure, OrdersFixture } from './support/orders-fixture.ts';
import { startOrdersServer } from './support/orders-server.ts';

const orders = new OrdersFixture();

describe('errors', () => {
  test('of the server pass unchanged, details percent-decoded', async () => {
    orders.server.onGet = (_call, callback) => {
      callback({
        code: grpc.status.FAILED_PRECONDITION,
        details: 'größer als 100 %',
        metadata: with_('x-why', 'so'),
      });
    };
    const error = await failure(get(orders.client()));
    expect(error).toMatchObject({ code: grpc.status.FAILED_PRECONDITION, details: 'größer als 100 %' });
    expect(error.metadata.get('x-why')).toEqual(['so']);
    expect(error.reason).toBeUndefined();
  });

  test('of many Pods that cannot be connected to name some, and count the others', async () => {
    const pods = Array.from({ length: 7 }, (_, i) => `127.0.0.1:${i + 1}`);
    const error = await failure(get(ordersClient(openChannel(`static:///${pods.join(',')}`))));
    expect(error.reason).toBe('NO_CONNECTION');
    expect(error.details.match(/ECONNREFUSED/g)).toHaveLength(5);
    expect(error.details).toContain('; and 2 more)');
  });

  test('of podwire name the service, the method, the Pods and the time', async () => {
    await orders.server.stop();
    const error = await failure(get(orders.client({ name: 'orders' })));
    expect(error).toMatchObject({
      code: grpc.status.UNAVAILABLE,
      reason: 'NO_CONNECTION',
      service: 'orders',
      pods: [],
    });
    expect(error.details).toMatch(
      /ECONNREFUSED.*\[orders \/podwire\.test\.Orders\/Get; sent to no Pod; \d+ ms\]$/,
    );
  });

  test('of an unknown method are UNIMPLEMENTED', async () => {
    orders.server.server.unregister('/podwire.test.Orders/Get');
    expect(await failure(get(orders.client()))).toMatchObject({ code: grpc.status.UNIMPLEMENTED });
  });
});

describe('the client surface', () => {
  test('interceptors see and change calls', async () => {
    const interceptor: grpc.Interceptor = (options, next) =>
      new grpc.InterceptingCall(next(options), {
        start(metadata, listener, begin) {
          metadata.set('x-from', 'interceptor');
          begin(metadata, listener);
        },
      });
    await get(orders.client({}, { interceptors: [interceptor] }));
    expect(orders.server.metadata.get('x-from')).toEqual(['interceptor']);
  });

  test('call credentials are refused on plaintext', async () => {
    const credentials = grpc.credentials.createFromMetadataGenerator((_params, callback) => {
      callback(null, with_('authorization', 'secret'));
    });
    const error = await failure(get(orders.client(), {}, undefined, { credentials }));
    expect(error).toMatchObject({ code: grpc.status.UNAUTHENTICATED, reason: 'INSECURE_CREDENTIALS' });
    expect(error.message).not.toContain('secret');
    expect(orders.server.calls).toBe(0);
  });

  test.each(['gzip', 'deflate'] as const)('%s both ways', async (compression) => {
    const body = Buffer.alloc(100_000, 'podwire');
    const reply = await get(orders.client({ compression }), { body });
    expect(reply.body.equals(body)).toBe(true);
    expect(orders.server.metadata.get('grpc-encoding').length + 1).toBeGreaterThan(0);
  });

  test('a message over a limit is refused, sent or received', async () => {
    const client = orders.client({ maxSendBytes: 1_000, maxReceiveBytes: 500 });
    expect(await failure(get(client, { body: Buffer.alloc(2_000) }))).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      reason: 'MESSAGE_TOO_LARGE',
    });
    expect(orders.server.calls).toBe(0);
    expect(await failure(get(client, { body: Buffer.alloc(600) }))).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      reason: 'MESSAGE_TOO_LARGE',
    });
  });

  test('getPeer and the connectivity state tell where calls go', async () => {
    const channel = orders.channel();
    const client = ordersClient(channel);
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + 5_000, (error) => (error ? reject(error) : resolve()));
    });
    expect(channel.getConnectivityState(false)).toBe(grpc.connectivityState.READY);
    const call = client.get({}, () => {});
    await new Promise((resolve) => call.on('status', resolve));
    expect(call.getPeer()).toBe(orders.server.address);
    client.close();
    await channel.close();
    expect(channel.getConnectivityState(false)).toBe(grpc.connectivityState.SHUTDOWN);
    expect(() => client.get({}, () => {})).toThrow('Channel has been shut down');
  });

  test('AsyncLocalStorage holds in hashKey, which is asked once a call', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const hashKey = () => void seen.push(storage.getStore());
    const client = orders.client({ policy: 'ring_hash', hashKey });
    const calls = ['a', 'b'].map((name) => storage.run(name, () => client.chat()));
    for (const call of calls) call.end();
    for (const call of calls) for await (const _ of call);
    expect(seen).toEqual(['a', 'b']);
  });

  test('each call is an async resource that is destroyed when it ended', async () => {
    const client = orders.client();
    await get(client);
    const alive = new Set<number>();
    let begun = 0;
    const hook = createHook({
      init(id, type) {
        if (type !== 'podwire.call') return;
        begun += 1;
        alive.add(id);
      },
      destroy: (id) => alive.delete(id),
    }).enable();
    await Promise.all([get(client), failure(get(client, {}, undefined, { deadline: Date.now() - 1 }))]);
    await expect.poll(() => alive.size).toBe(0);
    hook.disable();
    expect(begun).toBe(2);
  });

  test('a caller that has written to a call that found no Pod is told when it ends', async () => {
    const channel = openChannel('static:///127.0.0.1:1', { waiting: { timeoutMs: 60_000 } });
    const call = channel.createCall('/podwire.test.Orders/Get', Number.POSITIVE_INFINITY, null, null, null);
    const metadata = new grpc.Metadata({ waitForReady: true });
    call.start(metadata, { onReceiveMetadata() {}, onReceiveMessage() {}, onReceiveStatus() {} });
    let written = 0;
    const callback = () => {
      written += 1;
    };
    call.sendMessageWithContext({ callback }, Buffer.alloc(1));
    call.sendMessageWithContext({ callback }, Buffer.alloc(1));
    expect(written).toBe(0);
    call.cancelWithStatus(grpc.status.CANCELLED, 'enough');
    await expect.poll(() => written).toBe(2);
  });

  test('AsyncLocalStorage holds in every callback', async () => {
    const storage = new AsyncLocalStorage<string>();
    const client = orders.client();
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
    const call = orders.client().list({ count: 2_000, body: Buffer.alloc(64 * 1024) });
    call.pause();
    await new Promise((resolve) => call.on('metadata', resolve));
    let count = 0;
    for await (const order of call) count += (order as Order).body.length > 0 ? 1 : 0;
    expect(count).toBe(2_000);
  });

  test('waits for ready, and fails fast without', async () => {
    await orders.server.stop();
    const client = orders.client({ backoff: { initialMs: 10, maxMs: 50 } });
    expect(await failure(get(client))).toMatchObject({ code: grpc.status.UNAVAILABLE });
    const metadata = new grpc.Metadata({ waitForReady: true });
    const waiting = get(client, { id: 'later' }, metadata, { deadline: Date.now() + 10_000 });
    orders.server = await startOrdersServer({ port: orders.server.port });
    await expect(waiting).resolves.toMatchObject({ id: 'later' });
  });
});

function with_(key: string, value: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(key, value);
  return metadata;
}
