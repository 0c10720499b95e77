import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { toEndpoint } from '@podwire/registry';
import { type NacosOptions, nacos } from '@podwire/registry-nacos';
import { NacosNamingClient } from 'nacos';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import {
  Cleanup,
  callsByPod,
  discover,
  instance,
  nacosHttpVersions,
  newService,
  pods,
} from '../support/nacos.ts';
import { get } from '../support/orders-client.ts';
import { startOrdersServer } from '../support/orders-server.ts';
import { whyNotReady } from '../support/refusal.ts';

const WRONG = 'not-the-pa55word';
const HTTP = { protocol: 'http', username: 'nacos', password: 'nacos' } as const;
/** Requests that nothing prompts are 5 s apart. */
const PUSHED = { timeout: 2_000, interval: 20 };
const script = fileURLToPath(new URL('../support/nacos-http-client.mjs', import.meta.url));

const cleanup = new Cleanup();
const printed = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
afterEach(async () => {
  await cleanup.run();
  for (const spy of printed) expect(spy).not.toHaveBeenCalled();
});

describe.each(nacosHttpVersions)('Nacos %s over HTTP', (version) => {
  let server: Nacos;
  const newest = version === '1.4' ? 'http' : 'grpc';
  const leased = newService();
  const lease = { 'preserved.heart.beat.interval': '500', 'preserved.heart.beat.timeout': '1000' };
  const all = new Cleanup();
  beforeAll(async () => {
    const properties = { 'nacos.naming.push.pushTaskDelay': 10 };
    server = await startNacos({ version, auth: true, properties });
    // What needs its time runs from now on, and is looked at later.
    const registry = nacos({ servers: [server.address], ...HTTP });
    all.add(() => registry.close?.());
    await registry.announce(leased, toEndpoint({ address: '127.0.0.1:1', attributes: lease }));
    await registerOnce(leased, 2);
  }, 180_000);
  afterAll(async () => {
    await all.run();
    await server?.close();
  });

  /** Registers an instance that gets no heartbeats. */
  const registerOnce = async (service: string, port: number) => {
    const body = new URLSearchParams({ username: 'nacos', password: 'nacos' });
    const login = await fetch(`${server.url}/v1/auth/login`, { method: 'POST', body });
    const { accessToken } = (await login.json()) as { accessToken: string };
    const query = new URLSearchParams({
      ...{ serviceName: service, ip: '127.0.0.1', port: String(port), accessToken },
      metadata: JSON.stringify(lease),
    });
    expect((await fetch(`${server.url}/v1/ns/instance?${query}`, { method: 'POST' })).status).toBe(200);
  };

  const found = (target: string, registry: Partial<NacosOptions> = {}) =>
    discover(server, target, cleanup, { registry: { ...HTTP, ...registry }, holdMs: 0 });
  const open = (options: Partial<NacosOptions> = {}) => {
    const registry = nacos({ servers: [server.address], ...HTTP, ...options });
    cleanup.add(() => registry.close?.());
    return registry;
  };
  const startPod = async () => {
    const pod = await startOrdersServer();
    cleanup.add(() => pod.stop());
    return pod;
  };
  const announced = async (target: string, more: object = {}) => {
    const pod = await startPod();
    const endpoint = toEndpoint({ address: pod.address, ...more });
    return { pod, announcement: await open().announce(target, endpoint) };
  };

  test('Pods of podwire, of gRPC and of the nacos package are one service, and leave it to the last', async () => {
    const service = newService();
    const ours = await announced(`${service}?clusters=blue`);
    const [grpc, theirs] = [await startPod(), await startPod()];
    const overGrpc = await open({ protocol: newest }).announce(
      service,
      toEndpoint({ address: grpc.address }),
    );
    const silent = { info() {}, warn() {}, error() {}, debug() {} } as unknown as Console;
    const options = { logger: silent, serverList: server.address, username: 'nacos', password: 'nacos' };
    const client = new NacosNamingClient(options);
    await client.ready();
    cleanup.add(() => (client as unknown as { close(): Promise<void> }).close());
    await client.registerInstance(service, instance(theirs.port));
    const all = [ours.pod.address, grpc.address, theirs.address].sort();
    const { channel, client: orders } = found(service);
    await expect.poll(() => pods(channel)).toEqual(all);
    expect(Object.keys(await callsByPod(orders, 30)).sort()).toEqual(all);
    const seenByGrpc = found(service, { protocol: newest });
    await expect.poll(() => pods(seenByGrpc.channel)).toEqual(all);
    await client.deregisterInstance(service, instance(theirs.port));
    await expect.poll(() => pods(channel), PUSHED).toEqual(all.filter((id) => id !== theirs.address));
    await client.registerInstance(service, instance(theirs.port));
    await expect.poll(() => pods(channel), PUSHED).toEqual(all);
    await client.deregisterInstance(service, instance(theirs.port));
    await expect.poll(() => pods(channel), PUSHED).toHaveLength(2);
    await overGrpc.withdraw();
    await expect.poll(() => pods(channel), PUSHED).toEqual([ours.pod.address]);
    await ours.announcement.withdraw();
    await expect.poll(() => pods(channel), PUSHED).toEqual([]);
    await expect(get(orders)).rejects.toThrow(`Nacos lists no instance of service "${service}"`);
  });

  test('weight and state change while a Pod runs, and 0 and disabled are what they say', async () => {
    const service = newService();
    const { pod, announcement } = await announced(service, { weight: 0 });
    const other = await announced(service);
    const { channel, client } = found(service);
    const weights = () => Object.fromEntries(channel.snapshot().pods.map(({ id, weight }) => [id, weight]));
    await expect.poll(weights).toEqual({ [pod.address]: 0, [other.pod.address]: 1 });
    expect(await callsByPod(client, 10)).toEqual({ [other.pod.address]: 10 });
    await announcement.update({ weight: 5 });
    await expect.poll(weights).toEqual({ [pod.address]: 5, [other.pod.address]: 1 });
    await announcement.update({ phase: 'draining' });
    await expect.poll(() => pods(channel)).toEqual([other.pod.address]);
    await announcement.update({ phase: 'serving' });
    await expect.poll(weights).toEqual({ [pod.address]: 5, [other.pod.address]: 1 });
  });

  test('what is wrong is one error that says what to do, without a secret', async () => {
    const refused = async (registry: Partial<NacosOptions>) => {
      const { channel } = found(newService(), registry);
      const said: unknown[] = [];
      channel.events.on('registry', (status) => said.push(status));
      const error = await whyNotReady(channel);
      const all = JSON.stringify([said, channel.snapshot(), String(error), error.stack, String(error.cause)]);
      for (const secret of [WRONG, 'accessToken']) expect(all).not.toContain(secret);
      return error.message;
    };
    const [password, none, away, missing] = await Promise.all([
      refused({ password: WRONG }),
      refused({ username: undefined, password: undefined } as object),
      refused({ servers: ['127.0.0.1:9'], password: WRONG }),
      refused({}),
    ]);
    expect(password).toMatch(/(refused|failed) the login of user 'nacos' .*: check username and password/);
    expect(none).toMatch(/refused a list \(HTTP 403.*give nacos\(\) a username and password/);
    expect(away).toMatch(/127\.0\.0\.1:9: ECONNREFUSED.*check that its port is open/);
    expect(missing).toMatch(/Nacos lists no instance of service/);
    const announcing = open({ password: WRONG }).announce(
      newService(),
      toEndpoint({ address: '127.0.0.1:1' }),
    );
    await expect(announcing).rejects.toThrow(/the login of user 'nacos' .*: check username and password/);
  });

  test('a process ends when it has closed, its Pod taken out; watching alone holds none', async () => {
    const service = newService();
    const start = (what: 'announce' | 'watch') => {
      const stdio = ['ignore', 'pipe', 'inherit', 'ipc'] as const;
      const child = spawn(process.execPath, [script, server.address, service, what], { stdio: [...stdio] });
      cleanup.add(() => child.kill('SIGKILL'));
      const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
      const lists = new Promise<void>((resolve) => child.stdout!.once('data', () => resolve()));
      return { child, gone, lists };
    };
    const provider = start('announce');
    const watcher = start('watch');
    await Promise.all([provider.lists, watcher.lists]);
    const { channel } = found(service);
    await expect.poll(() => pods(channel)).toEqual(['127.0.0.1:1']);
    const startedMs = performance.now();
    // 13: what it waits for at its top level holds it no more.
    expect(await watcher.gone).toBe(13);
    provider.child.send('close');
    expect(await provider.gone).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    await expect.poll(() => pods(channel), PUSHED).toEqual([]);
  });

  test('heartbeats keep a Pod, and one that has none leaves', async () => {
    const { channel } = found(leased);
    await expect.poll(() => pods(channel), { timeout: 15_000 }).toEqual(['127.0.0.1:1']);
  });

  test.runIf(version === nacosHttpVersions[0])(
    'a server that is down, and comes back without its memory',
    async () => {
      const service = newService();
      const { pod, announcement } = await announced(service, { weight: 7 });
      const other = await announced(service);
      await announcement.update({ phase: 'draining' });
      const early = found(service);
      await expect.poll(() => pods(early.channel)).toEqual([other.pod.address]);
      await server.stop();
      server.wipe();
      const late = found(service);
      const waiting = late.channel.ready({ timeoutMs: 60_000 });
      await expect
        .poll(() => late.channel.snapshot().registry?.lastError)
        .toMatch(/(ECONN|no Nacos server).*check/);
      await server.start();
      await waiting;
      await expect.poll(() => pods(late.channel)).toEqual([other.pod.address]);
      expect(await callsByPod(early.client, 5)).toEqual({ [other.pod.address]: 5 });
      await announcement.update({ phase: 'serving' });
      const weights = () => late.channel.snapshot().pods.map(({ id, weight }) => [id, weight]);
      // Nacos may not know its subscribers yet.
      await expect.poll(weights, { timeout: 10_000 }).toContainEqual([pod.address, 7]);
    },
    90_000,
  );
});
