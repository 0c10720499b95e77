import type { PodwireChannel } from 'podwire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, startOrdersServer } from './support/orders-server.ts';

let server: OrdersServer;
beforeAll(async () => {
  server = await startOrdersServer();
});
afterAll(() => server.stop());

const open = () =>
  createChannel(`static:///${server.address}`, { mesh: { address: server.address }, drainMs: 1_000 });

/** Sockets and timers of this process, by kind. */
const held = () =>
  process.getActiveResourcesInfo().filter((name) => /TCPSocket|Timeout|Immediate/.test(name)).length;

test('a thousand switches of mode, one on the heels of another, lose no call and leave one side', async () => {
  const channel = open();
  const client = ordersClient(channel);
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 1_000; i++) {
    channel.setMode(i % 2 === 0 ? 'mesh' : 'direct').catch(() => {});
    if (i % 10 === 0) calls.push(get(client));
    if (i % 50 === 0) await Promise.all(calls);
  }
  await Promise.all(calls);
  await channel.setMode('mesh');
  await expect.poll(() => channel.snapshot().pods.map(({ state }) => state)).toEqual(['ready']);
  await channel.close();
});

test.each([
  ['a server', () => `static:///${server.address}`],
  ['a port that nobody listens on', () => 'static:///127.0.0.1:1'],
  ['a name that is none', () => 'dns:///nowhere.invalid:1'],
  ['a file that is not there', () => 'file:///does/not/exist.json#orders'],
])('close ends every state of a channel to %s, twice too', async (_what, target) => {
  for (const later of [
    () => Promise.resolve(),
    () => new Promise(setImmediate),
    (channel: PodwireChannel) => channel.ready({ timeoutMs: 20 }).catch(() => {}),
  ]) {
    const channel = createChannel(target(), { mesh: { address: '127.0.0.1:1' } });
    const call = get(ordersClient(channel)).catch((error) => error);
    const ready = channel.ready().catch((error) => error);
    const moved = channel.setMode('mesh').catch((error) => error);
    await later(channel);
    await Promise.all([channel.close({ graceMs: 0 }), channel.close()]);
    await Promise.all([call, ready, moved]);
    expect(channel.snapshot().state).toBe('closed');
    expect(channel.snapshot().pods.filter(({ state }) => state !== 'closed')).toEqual([]);
    await expect(channel.ready()).rejects.toMatchObject({ reason: 'CHANNEL_CLOSED' });
  }
});

test('five hundred channels, opened and closed in every state, leave no socket and no timer', async () => {
  const before = held();
  for (let i = 0; i < 500; i++) {
    const channel = open();
    if (i % 3 === 0) await get(ordersClient(channel));
    else if (i % 3 === 1) await new Promise(setImmediate);
    await channel.close({ graceMs: i % 2 === 0 ? 0 : 1_000 });
  }
  // The server's own sockets close when it sees the other end closed.
  await expect.poll(held).toBeLessThanOrEqual(before);
});
