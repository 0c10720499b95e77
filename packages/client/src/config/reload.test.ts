import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settle, VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemEnv } from '../env.ts';
import type { PodwireConfig } from './config.ts';
import { Services } from './podwire.ts';

let directory: string;
let path: string;
let clock: VirtualClock;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-reload-'));
  path = join(directory, 'podwire.json');
  clock = new VirtualClock();
});

afterEach(() => rmSync(directory, { recursive: true }));

/** The channels of a file, and what they tell. */
function open(config: PodwireConfig) {
  write(config);
  const podwire = new Services(path, {}, { ...systemEnv, clock });
  const told: unknown[] = [];
  const follow = (service: string) => {
    const channel = podwire.channel(service);
    channel.events.on('config', (event) => told.push({ service, ...event }));
    channel.events.on('configError', ({ message }) => told.push({ service, error: message }));
    return channel;
  };
  const change = async (next: PodwireConfig | string) => {
    write(next);
    await look();
  };
  return { podwire, told, follow, change };
}

/** As an editor or a ConfigMap does it: the file is whole or not there. */
function write(config: PodwireConfig | string): void {
  writeFileSync(`${path}.new`, typeof config === 'string' ? config : JSON.stringify(config));
  renameSync(`${path}.new`, path);
}

async function look(): Promise<void> {
  await clock.advance(1_000);
  await settle();
}

const orders = { target: 'static:///127.0.0.1:1' };

test('options that may change while calls run are taken, and the channel says which', async () => {
  const { podwire, told, follow, change } = open({ services: { orders } });
  const channel = follow('orders');
  expect(channel.snapshot().policy).toBe('least_request');
  const waiting = { timeoutMs: 5_000 };
  await change({ services: { orders: { ...orders, policy: 'round_robin', waiting } } });
  expect(channel.snapshot().policy).toBe('round_robin');
  expect(told).toEqual([{ service: 'orders', changed: ['policy', 'waiting.timeoutMs'], needsRestart: [] }]);
  await change({ defaults: { policy: 'random' }, services: { orders: { ...orders, waiting } } });
  expect(channel.snapshot().policy).toBe('random');
  await podwire.close();
  // A socket that closes has its time for that.
  await look();
  expect(clock.pending).toBe(0);
});

test('a mode does not wait for options that need a new channel', async () => {
  const mesh = { address: '127.0.0.1:1' };
  const { podwire, told, follow, change } = open({
    services: { orders: { ...orders, mesh }, carts: orders },
  });
  const [channel, carts] = [follow('orders'), follow('carts')];
  const changed = { maxConnectionsPerPod: 3, policy: 'random', mesh, mode: 'mesh' } as const;
  await change({ services: { orders: { ...orders, ...changed }, carts: { ...orders, ...changed } } });
  expect(channel.snapshot()).toMatchObject({ switchingTo: 'mesh', policy: 'least_request' });
  // It has no address for that mode yet.
  expect(carts.snapshot()).toMatchObject({ switchingTo: undefined, mode: 'direct' });
  expect(told).toEqual([
    { service: 'orders', changed: ['mode'], needsRestart: ['maxConnectionsPerPod'] },
    { service: 'carts', changed: [], needsRestart: expect.arrayContaining(['mesh.address']) },
  ]);
  await change({ services: { orders: { ...orders, ...changed, mode: 'direct' }, carts: orders } });
  expect(channel.snapshot().switchingTo).toBeUndefined();
  await podwire.close();
});

test('a service with an option that needs a new channel takes nothing, and others take theirs', async () => {
  const { podwire, told, follow, change } = open({ services: { orders, carts: orders } });
  const channels = [follow('orders'), follow('carts')];
  const policy = 'round_robin' as const;
  await change({
    services: { orders: { ...orders, policy, maxConnectionsPerPod: 3 }, carts: { ...orders, policy } },
  });
  expect(channels.map((channel) => channel.snapshot().policy)).toEqual(['least_request', 'round_robin']);
  expect(told).toEqual([
    { service: 'orders', changed: [], needsRestart: ['maxConnectionsPerPod'] },
    { service: 'carts', changed: ['policy'], needsRestart: [] },
  ]);
  // What stands in its way is gone: the rest is taken.
  await change({ services: { orders: { ...orders, policy }, carts: { ...orders, policy } } });
  expect(channels[0]!.snapshot().policy).toBe('round_robin');
  await change({
    services: { orders: { target: 'static:///127.0.0.2:1', policy }, carts: { ...orders, policy } },
  });
  expect(told.at(-1)).toEqual({ service: 'orders', changed: [], needsRestart: ['target'] });
  await podwire.close();
});

test.each([
  ['is not JSON', '{ "services": ', 'is neither JSON nor YAML'],
  [
    'has a wrong value',
    '{ "services": { "orders": { "target": "static:///127.0.0.1:1", "drainMs": -1 } } }',
    'drainMs',
  ],
  [
    'asks for a mesh without an address',
    '{ "mode": "mesh", "services": { "orders": { "target": "static:///127.0.0.1:1" } } }',
    'mesh',
  ],
])('a file that %s changes nothing, and each channel says so once', async (_, text, why) => {
  const { podwire, told, follow, change } = open({ services: { orders, carts: orders } });
  follow('orders');
  follow('carts');
  await change(text);
  await look();
  expect(told).toEqual(
    ['orders', 'carts'].map((service) => ({ service, error: expect.stringContaining(why) })),
  );
  await change({ services: { orders: { ...orders, drainMs: 1 }, carts: orders } });
  expect(told.slice(2)).toEqual([{ service: 'orders', changed: ['drainMs'], needsRestart: [] }]);
  await podwire.close();
});

test('a file that is gone for a while, or too large, is told, and what it said holds', async () => {
  const { podwire, told, follow, change } = open({ services: { orders: { ...orders, policy: 'random' } } });
  const channel = follow('orders');
  rmSync(path);
  await look();
  await change(`# ${'x'.repeat(5 * 1024 * 1024)}`);
  expect(told).toMatchObject([
    { error: expect.stringContaining('ENOENT') },
    { error: expect.stringContaining('limit') },
  ]);
  expect(channel.snapshot().policy).toBe('random');
  await podwire.close();
});

test('services that are not in use, or new, are what the file says when they are first used', async () => {
  const { podwire, told, follow, change } = open({ services: { orders, carts: orders } });
  follow('orders');
  await change({ services: { carts: { ...orders, transport: 'node-http2' }, users: orders } });
  expect(podwire.channel('carts').snapshot().transport).toBe('node-http2');
  expect(podwire.channel('users').getTarget()).toBe(orders.target);
  expect(told).toMatchObject([
    { service: 'orders', error: expect.stringContaining('is in the file no more') },
  ]);
  expect(podwire.services).toEqual(['carts', 'users', 'orders']);
  await podwire.close();
});

test('a directory that is put in the place of another is followed, as Kubernetes does it for a ConfigMap', async () => {
  for (const [name, policy] of [
    ['..one', 'random'],
    ['..two', 'round_robin'],
  ] as const) {
    mkdirSync(join(directory, name));
    const config = { services: { orders: { ...orders, policy } } };
    writeFileSync(join(directory, name, 'podwire.json'), JSON.stringify(config));
  }
  symlinkSync('..one', join(directory, '..data'));
  symlinkSync('..data/podwire.json', path);
  const podwire = new Services(path, {}, { ...systemEnv, clock });
  const channel = podwire.channel('orders');
  expect(channel.snapshot().policy).toBe('random');
  symlinkSync('..two', join(directory, '..new'));
  renameSync(join(directory, '..new'), join(directory, '..data'));
  rmSync(join(directory, '..one'), { recursive: true });
  await look();
  expect(channel.snapshot().policy).toBe('round_robin');
  await podwire.close();
});

test('the mode that the file gives is one of its options', async () => {
  const mesh = { address: '127.0.0.1:1' };
  const { podwire, told, follow, change } = open({ services: { orders: { ...orders, mesh } } });
  const channel = follow('orders');
  await change({ mode: 'mesh', services: { orders: { ...orders, mesh } } });
  expect(channel.snapshot().switchingTo).toBe('mesh');
  expect(told).toEqual([{ service: 'orders', changed: ['mode'], needsRestart: [] }]);
  await podwire.close();
});

test('options of grpc-js are named as docs/options.md names them', async () => {
  const { podwire, told, follow, change } = open({ services: { orders } });
  follow('orders');
  const limits = { 'grpc-node.retry_max_attempts_limit': 3, 'grpc.max_send_message_length': 5 };
  await change({ services: { orders: { ...orders, ...limits } } } as PodwireConfig);
  const name = { 'grpc.ssl_target_name_override': 'orders' };
  await change({ services: { orders: { ...orders, ...limits, ...name } } } as PodwireConfig);
  expect(told).toEqual([
    {
      service: 'orders',
      changed: ['maxSendBytes', 'grpc-node.retry_max_attempts_limit'],
      needsRestart: [],
    },
    { service: 'orders', changed: [], needsRestart: ['grpc.ssl_target_name_override'] },
  ]);
  await podwire.close();
});

test('a channel is told of a change once, however often the file changes for others', async () => {
  const { podwire, told, follow, change } = open({ services: { orders, carts: orders, users: orders } });
  for (const service of ['orders', 'carts', 'users']) follow(service);
  const inMesh = { ...orders, mesh: { address: '127.0.0.1:1' } };
  await change({ services: { orders: inMesh, users: orders } });
  expect(told).toEqual([
    { service: 'orders', changed: [], needsRestart: ['mesh', 'mesh.address'] },
    { service: 'carts', error: expect.stringContaining('is in the file no more') },
  ]);
  told.length = 0;
  await change({ services: { orders: inMesh, users: { ...orders, drainMs: 1 } } });
  await change('{');
  await change({ services: { orders: inMesh, users: { ...orders, drainMs: 2 } } });
  const error = expect.stringContaining('is neither JSON nor YAML');
  expect(told).toEqual([
    { service: 'users', changed: ['drainMs'], needsRestart: [] },
    ...['orders', 'carts', 'users'].map((service) => ({ service, error })),
    { service: 'users', changed: ['drainMs'], needsRestart: [] },
  ]);
  told.length = 0;
  // The channels' settings are those of the file again.
  await change({ services: { orders, carts: orders, users: { ...orders, drainMs: 2 } } });
  expect(told).toEqual([
    { service: 'orders', changed: [], needsRestart: [] },
    { service: 'carts', changed: [], needsRestart: [] },
  ]);
  await podwire.close();
});

test('a listener that is told of a change finds all services as the file says them', async () => {
  const { podwire, change } = open({ services: { orders, carts: orders } });
  const seen: unknown[] = [];
  podwire.channel('orders').events.on('config', () => {
    seen.push(podwire.channel('carts').snapshot().policy, podwire.channel('users').snapshot().policy);
    podwire.channel('carts').events.on('config', (event) => seen.push(event));
  });
  const service = { ...orders, policy: 'random' } as const;
  await change({ services: { orders: service, carts: service, users: service } });
  expect(seen).toEqual(['random', 'random']);
  await podwire.close();
});

test('a new service that cannot be where code sends all of them makes the file wrong', async () => {
  const inMesh = { ...orders, mesh: { address: '127.0.0.1:1' } };
  const { podwire, told, follow, change } = open({ services: { orders: inMesh } });
  follow('orders');
  void podwire.setMode('mesh');
  await change({ services: { orders: { ...inMesh, drainMs: 1 }, users: orders } });
  expect(told).toEqual([{ service: 'orders', error: expect.stringContaining('config.services.users.mesh') }]);
  expect(podwire.services).toEqual(['orders']);
  await change({ services: { orders: { ...inMesh, drainMs: 1 }, users: inMesh } });
  expect(podwire.channel('users').snapshot().switchingTo).toBe('mesh');
  await podwire.close();
});

test('half of a long file is told soon, and changes nothing', async () => {
  const { podwire, told, follow, change } = open({ services: { orders } });
  follow('orders');
  const service = JSON.stringify({ ...orders, policy: 'random' });
  const names = Array.from({ length: 20_000 }, (_, i) => `"orders-${i}":${service}`);
  const text = `{"services":{"orders":${service},${names.join(',')}}}`;
  const startMs = performance.now();
  await change(text.slice(0, -1));
  expect(told).toEqual([{ service: 'orders', error: expect.stringContaining('is not JSON') }]);
  // YAML's parser takes several seconds.
  expect(performance.now() - startMs).toBeLessThan(1_500);
  expect(podwire.channel('orders').snapshot().policy).toBe('least_request');
  await podwire.close();
});

test('a file that is another one at every look is followed to the end, and nothing is left', async () => {
  const { podwire, told, follow, change } = open({ services: { orders } });
  const channel = follow('orders');
  const policies = ['random', 'pick_first', 'round_robin', 'maglev', 'zone_aware'] as const;
  for (let i = 0; i < 100; i++) {
    const policy = policies[i % policies.length]!;
    const next = { services: { orders: { ...orders, policy, drainMs: i } } };
    if (i % 4 === 1) {
      rmSync(path);
      await look();
    } else if (i % 4 === 2) await change(JSON.stringify(next).slice(0, i));
    else {
      await change(next);
      expect(channel.snapshot().policy).toBe(policy);
    }
  }
  expect(told.length).toBe(100);
  expect(channel.snapshot().policy).toBe('zone_aware');
  await podwire.close();
  await change({ services: { orders: { ...orders, drainMs: 1_000 } } });
  expect(told.length).toBe(100);
  expect(clock.pending).toBe(0);
});
