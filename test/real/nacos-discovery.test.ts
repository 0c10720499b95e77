import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { announce } from '@podwire/provider';
import { nacos } from '@podwire/registry-nacos';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { demoClient, startOpenLoad } from '../support/demo-client.ts';
import {
  Cleanup,
  callsByPod,
  discover,
  instance,
  nacosPackage,
  nacosVersions,
  newService,
  pods,
  viewOf,
} from '../support/nacos.ts';
import { NacosObserver } from '../support/nacos-observer.ts';
import { get, type Order } from '../support/orders-client.ts';
import { startOrdersServer } from '../support/orders-server.ts';
import { startNacosProvider } from '../support/providers.ts';

/** Nacos's metadata for how often heartbeats must come; in ms. */
const SHORT_LEASE = { 'preserved.heart.beat.interval': '500', 'preserved.heart.beat.timeout': '1000' };

const clients = fileURLToPath(new URL('../support/nacos-clients.mjs', import.meta.url));

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe.each(nacosVersions)('Nacos %s', (version) => {
  let server: Nacos;
  beforeAll(async () => {
    server = await startNacos({ version, properties: { 'nacos.naming.push.pushTaskDelay': 10 } });
  }, 180_000);
  afterAll(() => server?.close());

  const startPod = async () => {
    const pod = await startOrdersServer();
    cleanup.add(() => pod.stop());
    return pod;
  };
  const openRegistry = () => {
    const registry = nacos({ servers: [server.address] });
    cleanup.add(() => registry.close?.());
    return registry;
  };
  const announced = async (service: string, more: { weight?: number; zone?: string } = {}) => {
    const pod = await startPod();
    const registry = openRegistry();
    const presence = await announce({ registry, service, host: '127.0.0.1', port: pod.port, ...more });
    return { ...pod, presence };
  };
  /** Registers an instance without heartbeats. */
  const put = async (service: string, port: number, more: Readonly<Record<string, string>> = {}) => {
    const query = new URLSearchParams({ serviceName: service, ip: '127.0.0.1', port: String(port), ...more });
    const reply = await fetch(`${server.url}/v1/ns/instance?${query}`, { method: 'POST' });
    expect([reply.status, await reply.text()]).toEqual([200, 'ok']);
  };

  test('Pods announced by podwire and by the nacos package are one service, and leave it', async () => {
    const service = newService();
    const ours = await announced(service);
    const theirs = await startPod();
    const client = await nacosPackage(server, cleanup);
    await client.registerInstance(service, instance(theirs.port));
    const orders = discover(server, service, cleanup);
    await orders.channel.ready();
    await expect.poll(() => pods(orders.channel)).toEqual([ours.address, theirs.address].sort());
    expect(Object.keys(await callsByPod(orders.client, 40)).sort()).toEqual(pods(orders.channel));
    await ours.presence.withdraw();
    await expect.poll(() => pods(orders.channel)).toEqual([theirs.address]);
    await client.deregisterInstance(service, instance(theirs.port));
    // Noticed at once; a Pod that still answers is held against a registry that may have lost its memory.
    await expect
      .poll(() => orders.channel.snapshot().registry?.missing)
      .toMatch(/^Nacos lists no instance of service/);
    expect(orders.channel.snapshot().registry?.held?.ids).toEqual([theirs.address]);
    await theirs.stop();
    await expect.poll(() => pods(orders.channel)).toEqual([]);
    await expect(get(orders.client)).rejects.toThrow(
      `Nacos lists no instance of service "${service}", group "DEFAULT_GROUP", namespace "public"`,
    );
  });

  test('the last Pod leaves as its process does', async () => {
    const service = newService();
    const pod = await announced(service);
    const orders = discover(server, service, cleanup, { holdMs: 0 });
    await orders.channel.ready();
    await pod.presence.withdraw();
    await expect.poll(() => pods(orders.channel)).toEqual([]);
  });

  test('weights share the calls, and change while the Pods run', async () => {
    const service = newService();
    const light = await announced(service);
    const heavy = await announced(service, { weight: 3 });
    const none = await announced(service, { weight: 0 });
    const orders = discover(server, service, cleanup, { policy: 'weighted_round_robin' });
    await orders.channel.ready();
    await expect.poll(() => pods(orders.channel)).toHaveLength(3);
    const before = await callsByPod(orders.client, 400);
    expect(none.calls).toBe(0);
    expect(before[heavy.address]! / before[light.address]!).toBeCloseTo(3, 0);
    await none.presence.update({ weight: 4 });
    await light.presence.update({ weight: 0 });
    const weights = () => orders.channel.snapshot().pods.map(({ id, weight }) => [id, weight] as const);
    await expect
      .poll(() => Object.fromEntries(weights()))
      .toEqual({ [light.address]: 0, [heavy.address]: 3, [none.address]: 4 });
    const after = await callsByPod(orders.client, 100);
    expect(after[light.address]).toBeUndefined();
    expect(after[none.address]).toBeGreaterThan(after[heavy.address]!);
  });

  test('a Pod that is not enabled finishes its calls and gets no new one until it is', async () => {
    const service = newService();
    const one = await announced(service);
    const two = await announced(service);
    const orders = discover(server, service, cleanup);
    await expect.poll(() => pods(orders.channel)).toHaveLength(2);
    const call = orders.client.chat();
    const echoed = (id: string) =>
      new Promise<Order>((resolve) => {
        call.once('data', resolve);
        call.write({ id });
      });
    const busy = (await echoed('1')).pod === one.address ? one : two;
    const other = busy === one ? two : one;
    await busy.presence.update({ phase: 'draining' });
    // Nacos keeps those that are not enabled to itself, so that to the channel the Pod has left.
    await expect.poll(async () => Object.keys(await callsByPod(orders.client, 10))).toEqual([other.address]);
    expect((await echoed('2')).pod).toBe(busy.address);
    call.end();
    await new Promise((resolve) => call.once('end', resolve));
    await busy.presence.update({ phase: 'serving' });
    await expect.poll(() => pods(orders.channel)).toHaveLength(2);
    await expect.poll(async () => Object.keys(await callsByPod(orders.client, 10))).toContain(busy.address);
  });

  test('a Pod that Nacos finds unhealthy is left out', async () => {
    const service = newService();
    const pod = await announced(service);
    const sick = await startPod();
    // It gets no heartbeats, so Nacos considers it unhealthy after a second.
    await put(service, sick.port, { metadata: JSON.stringify(SHORT_LEASE) });
    const orders = discover(server, service, cleanup);
    await expect.poll(() => pods(orders.channel)).toHaveLength(2);
    await expect.poll(() => pods(orders.channel), { timeout: 15_000 }).toEqual([pod.address]);
  });

  test('clusters, metadata, groups and zones tell Pods apart', async () => {
    const service = newService();
    const pod = await startPod();
    const registry = openRegistry();
    const announceAs = (target: string, port: number, more: object = {}) =>
      announce({ registry, service: target, host: '127.0.0.1', port, ...more });
    await announceAs(`${service}?clusters=blue`, pod.port, { zone: 'a', attributes: { env: 'prod' } });
    const client = await nacosPackage(server, cleanup);
    const green = instance(2, { clusterName: 'green', metadata: { zone: 'b', env: 'test' } });
    await client.registerInstance(service, green);
    await announceAs(`${service}?group=other`, 3);
    const found = (query: string) => discover(server, service + query, cleanup).channel;
    const [one, two] = [pod.address, '127.0.0.1:2'];
    const both = found('');
    await expect.poll(() => pods(both)).toEqual([one, two].sort());
    const zones = both.snapshot().pods.map(({ id, zone }) => [id, zone]);
    expect(Object.fromEntries(zones)).toEqual({ [one]: 'a', [two]: 'b' });
    const cases: Readonly<Record<string, readonly string[]>> = {
      '?clusters=blue': [one],
      '?clusters=green': [two],
      '?clusters=green,blue': [one, two].sort(),
      '?metadata.env=prod': [one],
      '?metadata.env=test&clusters=blue': [],
      '?group=other': ['127.0.0.1:3'],
    };
    for (const [query, ids] of Object.entries(cases)) {
      const channel = found(query);
      await expect.poll(() => channel.snapshot().registry?.state).toBe('watching');
      await expect.poll(() => [query, pods(channel)]).toEqual([query, ids]);
    }
    const zoned = discover(server, service, cleanup, { zone: 'a' });
    await zoned.channel.ready();
    expect(await callsByPod(zoned.client, 10)).toEqual({ [one]: 10 });
  });

  test('a Pod that is killed gets no call after its connection broke, and leaves as soon as that is pushed', async () => {
    const service = newService();
    const [dies, lives] = await Promise.all([1, 2].map(() => startNacosProvider(server.address, service)));
    for (const provider of [dies, lives]) cleanup.add(() => provider!.kill('SIGKILL'));
    const { channel } = discover(server, service, cleanup);
    await expect.poll(() => pods(channel)).toHaveLength(2);
    const observer = await NacosObserver.open(server);
    cleanup.add(() => observer.close());
    await observer.subscribe(service);
    const load = startOpenLoad(demoClient(channel), 500);
    cleanup.add(() => load.stop());
    await expect.poll(() => load.byPod.size).toBe(2);
    const callsOf = () => channel.snapshot().pods.find(({ id }) => id === dies!.address)?.calls;
    let atBreak: number | undefined;
    channel.events.on('pod', ({ id, state }) => {
      if (id === dies!.address && state !== 'ready') atBreak ??= callsOf();
    });
    let after: number | undefined;
    let goneMs = Number.NaN;
    channel.events.on('endpoints', ({ ids }) => {
      if (!ids.includes(dies!.address) && Number.isNaN(goneMs)) goneMs = performance.now();
      else after = callsOf();
    });
    const killedMs = performance.now();
    await dies!.kill('SIGKILL');
    const port = Number(dies!.address.split(':')[1]);
    const push = () => observer.pushes.find(({ atMs, ports }) => atMs > killedMs && !ports.includes(port));
    await expect.poll(push, { timeout: 10_000, interval: 10 }).toBeDefined();
    after = callsOf() ?? after;
    await expect.poll(() => pods(channel)).toEqual([lives!.address]);
    expect(atBreak).toBeGreaterThan(0);
    expect(after ?? atBreak).toBe(atBreak);
    expect(goneMs - push()!.atMs).toBeLessThan(1_000);
    // Those that were under way on the Pod that died, and no others.
    for (const failure of await load.stop()) expect(failure).toContain(`tried ${dies!.address}`);
  });

  test('100 clients in 4 processes are 4 connections and 4 subscriptions to Nacos', {
    timeout: 60_000,
  }, async () => {
    const service = newService();
    const view = viewOf(server, version);
    await announced(service);
    await expect.poll(() => view.instances(service)).toHaveLength(1);
    const before = await view.clients();
    const start = () => {
      const child = spawn(process.execPath, [clients, server.address, service, '25'], {
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      });
      cleanup.add(() => child.kill('SIGKILL'));
      const ready = new Promise((resolve) => child.stdout!.once('data', resolve));
      return { child, ready };
    };
    const processes = Array.from({ length: 4 }, start);
    await Promise.all(processes.map(({ ready }) => ready));
    const more = (await view.clients()).filter((id) => !before.includes(id));
    expect(await Promise.all(more.map((id) => view.subscriptions(id)))).toEqual(Array(4).fill([service]));
    for (const { child } of processes) child.send('close');
    await expect.poll(() => view.clients(), { timeout: 10_000 }).toHaveLength(before.length);
  });

  test('Pods are registered again after the server died, with the weight and state they had', async () => {
    const service = newService();
    const one = await announced(service);
    const two = await announced(service, { zone: 'a' });
    await one.presence.update({ weight: 7, phase: 'draining' });
    const orders = discover(server, service, cleanup);
    await expect.poll(() => pods(orders.channel)).toEqual([two.address]);
    await server.stop();
    server.wipe();
    await server.start();
    const listed = async () =>
      Object.fromEntries(
        (await viewOf(server, version).instances(service)).map(({ port, weight, enabled, metadata }) => [
          port,
          { weight, enabled, metadata },
        ]),
      );
    await expect.poll(listed, { timeout: 5_000 }).toEqual({
      [one.port]: { weight: 7, enabled: false, metadata: {} },
      [two.port]: { weight: 1, enabled: true, metadata: { zone: 'a' } },
    });
    expect(await callsByPod(orders.client, 5)).toEqual({ [two.address]: 5 });
    await one.presence.update({ phase: 'serving' });
    await expect.poll(() => pods(orders.channel), { timeout: 5_000 }).toHaveLength(2);
  }, 90_000);
});
