import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPodwire } from 'podwire';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createChannel } from './support/channel.ts';
import { startLoad } from './support/load.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, startOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

let direct: OrdersServer;
let mesh: OrdersServer;
let directory: string;

beforeEach(async () => {
  [direct, mesh] = await Promise.all([startOrdersServer(), startOrdersServer()]);
  directory = mkdtempSync(join(tmpdir(), 'podwire-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all([direct.stop(), mesh.stop()]);
  rmSync(directory, { recursive: true });
});

test('the environment decides the mode, a variable of the service first', async () => {
  vi.stubEnv('PODWIRE_MODE', 'mesh');
  vi.stubEnv('PODWIRE_MODE_STOCK', 'direct');
  const options = { mesh: { address: mesh.address } };
  const channels = ['orders', 'stock'].map((name) =>
    createChannel(`static:///${direct.address}`, { ...options, name }),
  );
  const pods = await Promise.all(channels.map(async (channel) => (await get(ordersClient(channel))).pod));
  expect(pods).toEqual([mesh.address, direct.address]);
  await Promise.all(channels.map((channel) => channel.close()));
});

test('a config file that changes moves its services over while calls run', async () => {
  const path = join(directory, 'podwire.json');
  const write = (mode: string) => {
    const orders = { target: `static:///${direct.address}`, mesh: { address: mesh.address }, mode };
    writeFileSync(path, JSON.stringify({ services: { orders } }));
  };
  write('direct');
  const podwire = createPodwire(path);
  const channel = podwire.channel('orders');
  await channel.ready();
  const load = startLoad(ordersClient(channel), 10);
  await until(() => direct.calls > 50);
  write('mesh');
  await until(() => mesh.calls > 50);
  expect(channel.mode).toBe('mesh');
  // Code stands above the file.
  await podwire.setMode('direct');
  const before = direct.calls;
  await until(() => direct.calls > before + 50);
  expect(await load.stop()).toEqual([]);
  await podwire.close();
});

test('the last word counts when another mode is asked for during a switch', async () => {
  // Nobody listens there, so that the switch lasts.
  const channel = createChannel(`static:///${direct.address}`, { mesh: { address: '127.0.0.1:1' } });
  await channel.ready();
  const told: unknown[] = [];
  channel.events.on('mode', (mode) => told.push(mode));
  channel.events.on('modeFailed', (failed) => told.push(failed));
  const earlier = [channel.setMode('mesh'), channel.setMode('mesh')].map((done) => done.catch(String));
  expect(channel.snapshot().switchingTo).toBe('mesh');
  await channel.setMode('direct');
  const why = 'Error: the switch to mesh was given up: direct was asked for before it was done';
  expect(await Promise.all(earlier)).toEqual([why, why]);
  expect(channel.snapshot()).toMatchObject({ mode: 'direct', switchingTo: undefined });
  expect((await get(ordersClient(channel))).pod).toBe(direct.address);
  expect(told).toEqual([]);
  await channel.close();
});
