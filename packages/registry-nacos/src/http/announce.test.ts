import { toEndpoint } from '@podwire/registry';
import { until } from '@podwire/registry/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { nacos } from '../nacos.ts';
import { type NacosOptions, readOptions } from '../options.ts';
import { parseServiceRef } from '../service-ref.ts';
import { FakeNacosHttp } from '../testing/fake-nacos-http.ts';
import { FastClock } from '../testing/fast-clock.ts';
import { overHttp } from './over-http.ts';

const POD = '10.0.0.9:9';
const PASSWORD = 'do-not-show-me';
let server: FakeNacosHttp;
const cleanups: (() => Promise<unknown>)[] = [];
const printed = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));

beforeEach(async () => {
  server = await new FakeNacosHttp().start();
  clock = new FastClock(200);
  for (const spy of printed) spy.mockClear();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await server.stop();
  for (const spy of printed) expect(spy).not.toHaveBeenCalled();
});

/** Heartbeats of seconds come every few milliseconds. */
let clock: FastClock;

function open(options: Partial<NacosOptions> = {}) {
  const base = { servers: [server.address], protocol: 'http', requestTimeoutMs: 600_000, clock } as const;
  const registry = nacos({ ...base, ...options });
  cleanups.push(async () => registry.close?.());
  return registry;
}

const beats = () => server.count('PUT', '/beat');
const registrations = () => server.count('POST', '/instance');
const stored = () =>
  Object.fromEntries(['weight', 'enable', 'clusterName', 'metadata'].map((key) => [key, field(key)]));
const field = (key: string) => server.instances.get(POD)?.get(key);

it('registers, keeps alive, changes and takes out', async () => {
  const announcement = await open().announce('orders', toEndpoint({ address: POD, zone: 'a' }));
  expect(stored()).toEqual({ weight: '1', enable: 'true', clusterName: 'DEFAULT', metadata: '{"zone":"a"}' });
  await until(() => beats() > 2, 'heartbeats');
  await announcement.update({ weight: 3, attributes: { version: '2' } });
  expect(stored()).toMatchObject({ weight: '3', metadata: '{"version":"2","zone":"a"}' });
  await announcement.withdraw();
  await announcement.withdraw();
  expect(server.instances.size).toBe(0);
  expect(server.count('DELETE', '/instance')).toBe(1);
  expect(clock.pending).toBe(0);
});

it('announces a weight of 0 as 0', async () => {
  await open().announce('orders', toEndpoint({ address: POD, weight: 0 }));
  expect(field('weight')).toBe('0');
});

it('is registered again with the weight and state it had after Nacos lost it', async () => {
  const announcement = await open().announce('orders', toEndpoint({ address: POD, weight: 7 }));
  await announcement.update({ phase: 'draining' });
  await until(() => beats() > 0, 'a heartbeat');
  server.instances.clear();
  await until(() => server.instances.size === 1, 'the registration');
  expect(stored()).toMatchObject({ weight: '7', enable: 'false' });
  // What a heartbeat carries, Nacos 1.x and 2.x register as enabled.
  const heartbeats = server.requests.filter(({ path }) => path.endsWith('/beat'));
  expect(heartbeats.every(({ query }) => !query.has('beat'))).toBe(true);
});

it('is registered again after the server was away', async () => {
  await open().announce('orders', toEndpoint({ address: POD }));
  await server.stop();
  server.instances.clear();
  const before = clock.delaysMs.length;
  await until(() => clock.delaysMs.length > before + 2, 'heartbeats in vain');
  expect(Math.max(...clock.delaysMs.slice(before + 1))).toBeLessThanOrEqual(1_000);
  await server.start();
  await until(() => server.instances.size === 1, 'the registration');
});

it('beats as often as Nacos asks for, within bounds', async () => {
  server.beatMs = 1;
  await open().announce('orders', toEndpoint({ address: POD }));
  const after = async (beatMs: number) => {
    server.beatMs = beatMs;
    const before = beats();
    await until(() => beats() > before + 1, 'heartbeats');
    return clock.delaysMs.at(-1);
  };
  expect(await after(1)).toBe(5_000);
  expect(await after(500)).toBe(500);
  expect(await after(60_000)).toBe(30_000);
});

it('refuses metadata that are no text, and others keep their heartbeats', async () => {
  const registry = open();
  await registry.announce('orders', toEndpoint({ address: POD }));
  const attributes = { size: 1n } as unknown as Record<string, string>;
  const bad = { ...toEndpoint({ address: '10.0.0.9:8' }), attributes };
  await expect(registry.announce('orders', bad)).rejects.toThrow(/^endpoint\.attributes/);
  expect(registrations()).toBe(1);
  const before = beats();
  await until(() => beats() > before + 2, 'heartbeats');
});

it('takes its Pods out when the registry is closed', async () => {
  const registry = open();
  await registry.announce('orders', toEndpoint({ address: POD }));
  await registry.announce('carts', toEndpoint({ address: '10.0.0.9:8' }));
  expect(server.instances.size).toBe(2);
  await registry.close?.();
  expect(server.instances.size).toBe(0);
});

it('says what is wrong when Nacos refuses or cannot be reached, and keeps the Pod that was there', async () => {
  const registry = open();
  const announcement = await registry.announce('orders', toEndpoint({ address: POD }));
  server.override = ({ method }) => (method === 'POST' ? [400, 'too long'] : undefined);
  const change = announcement.update({ weight: 9 });
  await expect(change).rejects.toThrow(/refused a registration \(HTTP 400: "too long"\)/);
  server.override = undefined;
  await until(() => registrations() > 2, 'the registration as it was');
  expect(field('weight')).toBe('1');
  await server.stop();
  const late = registry.announce('carts', toEndpoint({ address: POD }));
  await expect(late).rejects.toThrow(/no Nacos server can be reached over HTTP/);
  await registry.close?.();
});

it('is registered as it was to be when the change found no server', async () => {
  const announcement = await open().announce('orders', toEndpoint({ address: POD }));
  await server.stop();
  await expect(announcement.update({ weight: 9, phase: 'draining' })).rejects.toThrow('no Nacos server');
  await server.start();
  await until(() => field('weight') === '9', 'the change');
  expect(stored()).toMatchObject({ enable: 'false' });
});

it('takes out what Nacos took without an answer', async () => {
  const registry = open();
  server.override = ({ method, query }) => {
    if (method !== 'POST') return undefined;
    server.instances.set(POD, query);
    server.drop();
    return [200, 'ok'];
  };
  await expect(registry.announce('orders', toEndpoint({ address: POD }))).rejects.toThrow('ECONNRESET');
  expect(server.instances.size).toBe(0);
});

it('says when Nacos did not take a Pod out, and closes all the same', async () => {
  const registry = open();
  const announcement = await registry.announce('orders', toEndpoint({ address: POD }));
  await server.stop();
  await expect(announcement.withdraw()).rejects.toThrow('no Nacos server can be reached');
  await registry.close?.();
  expect(clock.pending).toBe(0);
});

it('logs in once, sends the token in a header, and renews one that is refused', async () => {
  server.tokens = new Set();
  const registry = open({ username: 'user-name', password: PASSWORD });
  await registry.announce('orders', toEndpoint({ address: POD }));
  await until(() => beats() > 2, 'heartbeats');
  expect(server.logins).toBe(1);
  server.tokens.clear();
  await until(() => server.logins === 2, 'the second login');
  const before = server.requests.length;
  await until(() => server.requests.length > before + 2, 'heartbeats');
  expect(server.requests.at(-1)?.token).toBe('token-2');
  const urls = server.requests.map(({ url }) => url).join();
  for (const secret of [PASSWORD, 'user-name', 'token-']) expect(urls).not.toContain(secret);
});

it('shows no secret when the server is gone or repeats what it was sent', async () => {
  server.tokens = new Set();
  const registry = open({ username: 'user-name', password: PASSWORD });
  const said: unknown[] = [];
  const note = (error: Error) => said.push(error.message, error.stack, JSON.stringify(error));
  server.override = ({ url, token }) => [400, `${token} ${url}`];
  await registry.announce('orders', toEndpoint({ address: POD })).catch(note);
  await server.stop();
  await registry.announce('orders', toEndpoint({ address: POD })).catch(note);
  expect(said).toHaveLength(6);
  for (const secret of [PASSWORD, 'token-1']) expect(said.join()).not.toContain(secret);
});

it('sends no credentials of a cloud that the environment holds', async () => {
  vi.stubEnv('ALIBABA_CLOUD_ACCESS_KEY_ID', 'key-id').stubEnv(
    'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    'key-secret',
  );
  cleanups.push(async () => vi.unstubAllEnvs());
  await open().announce('orders', toEndpoint({ address: POD }));
  expect(server.requests.map(({ url }) => url).join()).not.toMatch(/key-id|signature|ak=/);
});

it.each([
  ['is not installed', () => Promise.reject(Object.assign(new Error('x'), { code: 'ERR_MODULE_NOT_FOUND' }))],
  ['has another inside', async () => ({ NacosNamingClient: class {} as never })],
])('says what to install when the package nacos %s', async (_, load) => {
  const settings = readOptions({ servers: [server.address], protocol: 'http' });
  const protocol = overHttp(settings, load as never);
  const ref = parseServiceRef('orders', settings);
  const put = protocol.publishers('public').publisher.put(ref, POD, { metadata: {} });
  await expect(put).rejects.toThrow(/needs the package nacos 2\.6\.3.*npm install nacos@2\.6\.3/);
  await expect(put).rejects.toMatchObject({ unreachable: false });
});

it('closes the package when it is ready too late', async () => {
  let ready = () => {};
  let closed = 0;
  class Late {
    readonly _beatReactor = { _clientBeatInterval: 5_000, close: async () => {} };
    ready = () => new Promise<void>((resolve) => (ready = resolve));
    async close() {
      closed += 1;
    }
  }
  const settings = readOptions({ servers: [server.address], protocol: 'http', requestTimeoutMs: 100, clock });
  const protocol = overHttp(settings, (async () => ({ NacosNamingClient: Late })) as never);
  const ref = parseServiceRef('orders', settings);
  const put = protocol.publishers('public').publisher.put(ref, POD, { metadata: {} });
  await expect(put).rejects.toThrow('the package nacos is not ready after 100 ms');
  expect(closed).toBe(0);
  ready();
  await until(() => closed === 1, 'the end of its UDP port');
});

it('announces a Pod to Dubbo by interface, and says that applications need gRPC', async () => {
  const registry = open();
  await registry.announce('shop.Orders?dubbo=interface&version=1', toEndpoint({ address: POD }));
  expect(field('serviceName')).toBe('DEFAULT_GROUP@@providers:shop.Orders:1:');
  const target = 'shop.Orders?dubbo=application&application=orders&methods=Get';
  const refused = registry.announce(target, toEndpoint({ address: POD }));
  await expect(refused).rejects.toThrow(
    /target\.dubbo: "application" is announced over protocol 'grpc' alone/,
  );
});

it('rejects a protocol that is neither', () => {
  expect(() => open({ protocol: 'htpp' as 'http' })).toThrow(
    /^options\.protocol: "htpp" must be 'grpc' or 'http'/,
  );
});
