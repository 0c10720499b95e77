import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { createPodwire } from 'podwire';
import { expect, onTestFinished, test } from 'vitest';
import { startLoad } from './support/load.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

/** The clients' addresses, one for each connection that calls came by. */
function peersOf(server: OrdersServer): Set<string> {
  const peers = new Set<string>();
  server.onGet = (call, callback) => {
    peers.add(call.getPeer());
    callback(null, { ...call.request, pod: server.address });
  };
  return peers;
}

test('a config file changes policies and timeouts under load: no call fails, and connections stay', async () => {
  const servers = await Promise.all([openOrdersServer(), openOrdersServer(), openOrdersServer()]);
  const peers = servers.map(peersOf);
  const directory = mkdtempSync(join(tmpdir(), 'podwire-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'podwire.json');
  const target = `static:///${servers.map(({ address }) => address).join(',')}`;
  const write = (options: object) => {
    writeFileSync(`${path}.new`, JSON.stringify({ services: { orders: { target, ...options } } }));
    renameSync(`${path}.new`, path);
  };
  write({ policy: 'round_robin' });
  await using podwire = createPodwire(path);
  const channel = podwire.channel('orders');
  const changes: unknown[] = [];
  channel.events.on('config', (change) => changes.push(change));
  await channel.ready();
  const client = ordersClient(channel);
  const load = startLoad(client, 10);
  await until(() => servers.every(({ calls }) => calls > 50));

  const serviceConfig = { methodConfig: [{ name: [{}], timeout: '20s' }] };
  write({ policy: 'random', serviceConfig });
  await until(() => changes.length === 1);
  const before = servers.map(({ calls }) => calls);
  await until(() => servers.every(({ calls }, i) => calls > before[i]! + 50));
  // What needs a new channel keeps the rest from being taken.
  write({ policy: 'round_robin', serviceConfig, connectTimeoutMs: 1 });
  await until(() => changes.length === 2);
  expect(channel.snapshot().policy).toBe('random');
  expect(await load.stop()).toEqual([]);
  expect(peers.map(({ size }) => size)).toEqual([1, 1, 1]);

  for (const server of servers) server.onGet = () => {};
  const began = servers.reduce((sum, { calls }) => sum + calls, 0);
  const open = get(client);
  await until(() => servers.reduce((sum, { calls }) => sum + calls, 0) > began);
  write({ policy: 'random', serviceConfig: { methodConfig: [{ name: [{}], timeout: '0.05s' }] } });
  await until(() => changes.length === 3);
  await expect(get(client)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(channel.snapshot().calls.open).toBe(1);
  await podwire.close({ graceMs: 0 });
  await expect(open).rejects.toMatchObject({ reason: 'CHANNEL_CLOSED' });
  expect(changes).toEqual([
    { changed: ['policy', 'serviceConfig'], needsRestart: [] },
    { changed: [], needsRestart: ['connectTimeoutMs'] },
    { changed: ['serviceConfig'], needsRestart: [] },
  ]);
});
