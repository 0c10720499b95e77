import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
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

test.each([
  ['of a service that has a name of its own', { mode: 'direct' }, { name: 'orders-v2', mode: 'mesh' }],
  ['of the defaults', { mode: 'direct', defaults: { mode: 'mesh' } }, {}],
])('the mode %s stands above that of all, and is followed', async (_, above, own) => {
  const path = join(directory, 'podwire.json');
  const orders = { target: `static:///${direct.address}`, mesh: { address: mesh.address }, ...own };
  const text = JSON.stringify({ ...above, services: { orders } });
  writeFileSync(path, text);
  await using podwire = createPodwire(path);
  const channel = podwire.channel('orders');
  expect(channel.mode).toBe('mesh');
  writeFileSync(path, text.replaceAll('mesh"', 'direct"').replace('"direct":{', '"mesh":{'));
  await until(() => channel.mode === 'direct');
});

test('a caller that waits for a channel to be ready waits no longer than for a switch', async () => {
  const channel = createChannel('static:///127.0.0.1:1', { mesh: { address: mesh.address } });
  const ready = channel.ready({ timeoutMs: 600_000 });
  await channel.setMode('mesh');
  await ready;
  await channel.close();
});

test('a mode that the channel cannot be in names the variable or the file that asks for it', async () => {
  const open = () => createChannel(`static:///${direct.address}`, { name: 'orders' });
  const path = join(directory, 'modes.json');
  writeFileSync(path, '{"mode":"mesh"}');
  vi.stubEnv('PODWIRE_CONFIG', path);
  expect(open).toThrow(`for the mode 'mesh', which ${path} asks for: { address`);
  vi.stubEnv('PODWIRE_MODE', 'mesh');
  expect(open).toThrow(
    /^options\.mesh: undefined .* the mode 'mesh', which PODWIRE_MODE asks for: \{ address/,
  );
  vi.stubEnv('PODWIRE_MODE', 'direct');
  const channel = open();
  expect(() => channel.setMode('mesh')).toThrow("for the mode 'mesh': { address");
  await channel.close();
  vi.stubEnv('PODWIRE_CONFIG', '');
  expect(() => createPodwire()).toThrow('or PODWIRE_CONFIG be set');
});

test('the last word counts when another mode is asked for during a switch', async () => {
  // No server listens there, so that the switch lasts.
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

test('headers of the mesh go with every call in mesh mode, and what a call sets itself, it sets', async () => {
  const headers = { 'tri-service-version': '1.0.0', 'tri-service-group': 'g' };
  const options = { mode: 'mesh', mesh: { address: mesh.address, headers } } as const;
  await using channel = createChannel(`static:///${direct.address}`, options);
  const metadata = new Metadata();
  metadata.set('tri-service-group', 'own');
  await get(ordersClient(channel), {}, metadata);
  expect(mesh.metadata.get('tri-service-version')).toEqual(['1.0.0']);
  expect(mesh.metadata.get('tri-service-group')).toEqual(['own']);
  await channel.setMode('direct');
  await get(ordersClient(channel));
  expect(direct.metadata.get('tri-service-version')).toEqual([]);
});

test.each([{ Version: '1' }, { authorization: 'Bearer secret' }, { 'grpc-timeout': '1S' }, { version: 1 }])(
  'headers of the mesh that could not be sent as they are, are refused: %j',
  (headers) => {
    const mesh = { address: 'orders:80', headers: headers as Record<string, string> };
    expect(() => createChannel('static:///a:1', { mesh })).toThrow(/^options\.mesh\.headers\.\S+ must be/);
    expect(() => createChannel('static:///a:1', { mesh })).not.toThrow('secret');
  },
);
