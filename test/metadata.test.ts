import * as grpc from '@grpc/grpc-js';
import { toEndpoint } from '@podwire/registry';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { failure, OrdersFixture } from './support/orders-fixture.ts';
import { openOrdersServer } from './support/orders-server.ts';

const orders = new OrdersFixture();

describe('metadata', () => {
  test('travels both ways, text and binary, several values of one key', async () => {
    orders.server.onGet = (call, callback) => {
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
      const call = orders.client().get({}, metadata, () => {});
      call.on('metadata', (value) => {
        received = value;
      });
      call.on('status', (value) => resolve([received, value]));
    });
    expect(orders.server.metadata.get('x-text')).toEqual(['words and more']);
    expect(orders.server.metadata.get('x-twice').join()).toMatch(/^1, ?2$/);
    expect(orders.server.metadata.get('x-raw-bin')).toEqual([Buffer.from([1, 0, 254])]);
    expect(initial.get('x-initial')).toEqual(['one']);
    expect(initial.get('x-many').join(',').replaceAll(' ', '')).toBe('a,b');
    expect(initial.get('x-data-bin')).toEqual([Buffer.from([0, 255, 128])]);
    expect(status.metadata.get('x-trailer')).toEqual(['two']);
  });

  test('names the Pod that a call must go to', async () => {
    const error = await failure(get(orders.client(), {}, with_('podwire-pod', '127.0.0.1:1')));
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'NO_ENDPOINTS' });
    const { address, port } = orders.server;
    for (const spelling of [address, `[::FFFF:127.0.0.1]:${port}`, ` [::ffff:7f00:1]:${port} `]) {
      const reply = get(orders.client(), {}, with_('podwire-pod', spelling));
      await expect(reply).resolves.toMatchObject({ pod: address });
    }
    expect(orders.server.metadata.get('podwire-pod')).toEqual([]);
  });

  test('names a Pod that is down: the call fails at once and says why', async () => {
    const channel = openChannel(`static:///${orders.server.address},127.0.0.1:1`);
    await channel.ready();
    const error = await failure(get(ordersClient(channel), {}, with_('podwire-pod', '127.0.0.1:1')));
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'NO_CONNECTION' });
    expect(error.details).toContain(
      'the Pod that the call names cannot be connected to (127.0.0.1:1: connect',
    );
  });

  test('keeps a call from the Pods that it excludes, however they are spelled', async () => {
    const other = await openOrdersServer();
    const channel = openChannel(`static:///${orders.server.address},${other.address}`);
    await channel.ready();
    const exclude = with_('podwire-exclude-pod', `10.0.0.1:1, [::FFFF:127.0.0.1]:${orders.server.port}`);
    for (let i = 0; i < 4; i++) {
      await expect(get(ordersClient(channel), {}, exclude)).resolves.toMatchObject({ pod: other.address });
    }
  });

  test('keeps a call from Pods that the registry had not named yet', async () => {
    const other = await openOrdersServer();
    const channel = openChannel(`static:///${orders.server.address},${other.address}`);
    const metadata = with_('podwire-exclude-pod', other.address);
    await Promise.all(Array.from({ length: 20 }, () => get(ordersClient(channel), {}, metadata)));
    expect([orders.server.calls, other.calls]).toEqual([20, 0]);
  });

  test.each([
    [{ weight: 0 }, 'a Pod of orders that takes calls (POD: its weight is 0)'],
    [{ phase: 'draining' as const }, 'a Pod of orders that takes calls (POD: it is draining)'],
  ])('waits for a Pod that is %j, and the error says so', async (more, what) => {
    const registry = new ScriptedRegistry();
    const { address } = orders.server;
    registry.first = { type: 'reset', endpoints: [toEndpoint({ address, ...more })] };
    const options = { registries: [registry], waiting: { timeoutMs: 200 } };
    const error = await failure(get(ordersClient(openChannel('scripted:///orders', options))));
    expect(error.reason).toBe('WAIT_TIMEOUT');
    expect(error.details).toContain(`waited for ${what.replace('POD', address)}`);
  });

  test("has the headers that the Pod's attributes ask for, unless the call says otherwise, and never the caller's credentials", async () => {
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
    registry.first = {
      type: 'reset',
      endpoints: [toEndpoint({ address: orders.server.address, attributes })],
    };
    const channel = openChannel('scripted:///orders', { registries: [registry] });
    const client = ordersClient(channel);
    await get(client);
    const sent = orders.server.metadata;
    expect([sent.get('x-version'), sent.get('x-group')]).toEqual([['1.2'], ['g']]);
    expect(['authorization', 'x-wrong', 'x y', 'version'].flatMap((name) => sent.get(name))).toEqual([]);
    await get(client, {}, with_('x-version', 'own'));
    expect([orders.server.metadata.get('x-version'), orders.server.metadata.get('x-group')]).toEqual([
      ['own'],
      ['g'],
    ]);
    registry.upsert({ address: orders.server.address, attributes: { 'header.x-version': '1.3' } });
    await expect
      .poll(async () => {
        await get(client);
        return [orders.server.metadata.get('x-version'), orders.server.metadata.get('x-group')];
      })
      .toEqual([['1.3'], []]);
  });

  test('too large is refused before it is sent', async () => {
    const error = await failure(get(orders.client(), {}, with_('x-large', 'x'.repeat(70_000))));
    expect(error).toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED, reason: 'INVALID_CALL' });
    expect(error.details).toContain('metadata of 70039 bytes');
    expect(orders.server.calls).toBe(0);
  });
});

function with_(key: string, value: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(key, value);
  return metadata;
}
