import { once } from 'node:events';
import { connectivityState } from '@grpc/grpc-js';
import { createPodwire, type PodwireChannel } from 'podwire';
import { beforeEach, expect, test } from 'vitest';
import { ordersClient } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

const orders = new OrdersFixture();
let channel: PodwireChannel;
beforeEach(async () => {
  channel = await orders.readyChannel();
});

async function chat() {
  const call = ordersClient(channel).chat();
  call.on('error', () => {});
  call.write({ id: 'a' });
  await once(call, 'data');
  return call;
}

test('a call of the turn in which the channel is closed is under way', async () => {
  const call = ordersClient(channel).chat();
  call.write({ id: 'a' });
  const closed = channel.close({ graceMs: 5_000 });
  await once(call, 'data');
  call.end();
  await once(call.resume(), 'end');
  await closed;
});

test('a channel that closes reports shutdown at once, as in grpc-js, though calls go on', async () => {
  const client = ordersClient(channel);
  const call = await chat();
  const changed = new Promise((resolve) =>
    channel.watchConnectivityState(channel.getConnectivityState(false), Number.POSITIVE_INFINITY, resolve),
  );
  client.close();
  expect(channel.getConnectivityState(false)).toBe(connectivityState.SHUTDOWN);
  await changed;
  const ready = new Promise((resolve) => client.waitForReady(Date.now() + 60_000, resolve));
  expect(await ready).toMatchObject({ message: 'The channel has been closed' });
  call.write({ id: 'b' });
  await once(call, 'data');
});

test('closing again may shorten the time for calls, and never lengthens it', async () => {
  const call = await chat();
  const first = channel.close({ graceMs: Number.POSITIVE_INFINITY });
  expect(channel.close()).toBe(first);
  void channel.close({ graceMs: 600_000 });
  call.write({ id: 'b' });
  await once(call, 'data');
  const cut = once(call, 'error').catch((error) => error);
  void channel.close({ graceMs: 0 });
  await first;
  expect(await cut).toMatchObject([{ reason: 'CHANNEL_CLOSED' }]);
});

test('so does closing many services again', async () => {
  const podwire = createPodwire({ services: { orders: { target: `static:///${orders.server.address}` } } });
  const call = ordersClient(podwire.channel('orders')).chat();
  call.write({ id: 'a' });
  await once(call, 'data');
  const cut = once(call, 'error');
  const first = podwire.close({ graceMs: 600_000 });
  await podwire.close({ graceMs: 0 });
  await first;
  expect(await cut).toMatchObject([{ reason: 'CHANNEL_CLOSED' }]);
});

test.each([
  [{ graceMs: Number.NaN }, 'options.graceMs: NaN must be milliseconds, 0 or more'],
  [{ graceMs: '5s' }, 'options.graceMs: "5s" must be milliseconds, 0 or more'],
  [{ graceMs: -1 }, 'options.graceMs: -1 must be milliseconds, 0 or more'],
  [{ grace: 5 }, "options.grace is unknown; did you mean 'graceMs'?"],
])('%j is refused, and nothing is closed', async (options, message) => {
  expect(() => channel.close(options as never)).toThrow(message);
  (await chat()).end();
});

test('a wrong time to wait for readiness is refused', async () => {
  await expect(channel.ready({ timeoutMs: '5s' as never })).rejects.toThrow(
    'options.timeoutMs: "5s" must be',
  );
  await expect(channel.ready({ timeout: 5 } as never)).rejects.toThrow("did you mean 'timeoutMs'?");
});
