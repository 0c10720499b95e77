import { gzipSync } from 'node:zlib';
import { Followed, until } from '@podwire/registry/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { nacos } from '../nacos.ts';
import type { NacosOptions } from '../options.ts';
import { host } from '../testing/fake-nacos.ts';
import { FakeNacosHttp } from '../testing/fake-nacos-http.ts';
import { FastClock } from '../testing/fast-clock.ts';

let server: FakeNacosHttp;
const cleanups: (() => Promise<unknown>)[] = [];
/** Whatever the package would write. */
const printed = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));

beforeEach(async () => {
  server = await new FakeNacosHttp().start();
  for (const spy of printed) spy.mockClear();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await server.stop();
  for (const spy of printed) expect(spy).not.toHaveBeenCalled();
});

function follow(service = 'orders', options: Partial<NacosOptions> = {}) {
  const registry = nacos({
    servers: [server.address],
    protocol: 'http',
    requestTimeoutMs: 60_000,
    ...options,
  });
  const followed = new Followed(registry, service);
  cleanups.push(async () => {
    await followed.close();
    await registry.close?.();
  });
  return followed;
}

const has = (followed: Followed, ids: string) => until(() => followed.ids.join() === ids, `the set ${ids}`);
const lists = () => server.count('GET', '/list');
const subscribed = () => until(() => server.udpPort > 0, 'the subscription');

it('finds the Pods of all clusters, not those of DEFAULT alone', async () => {
  server.hosts = [host(1, { clusterName: 'blue' }), host(2)];
  await has(follow(), '10.0.0.1:1,10.0.0.1:2');
  await has(follow('orders?clusters=blue'), '10.0.0.1:1');
  expect(server.requests.map(({ query }) => query.get('clusters'))).not.toContain('DEFAULT');
});

it('knows of a change when it is pushed, and acknowledges with the time as it was sent', async () => {
  server.hosts = [host(1)];
  const orders = follow();
  await has(orders, '10.0.0.1:1');
  await subscribed();
  server.hosts = [host(1), host(2)];
  const answer = await server.push(server.hosts, ++server.lastRefTime);
  expect(answer).toBe('{"type":"push-ack","lastRefTime":"9223372036854775807","data":""}');
  await has(orders, '10.0.0.1:1,10.0.0.1:2');
});

it('tells that the last instance left', async () => {
  server.hosts = [host(1)];
  const orders = follow();
  await has(orders, '10.0.0.1:1');
  await subscribed();
  server.hosts = [];
  await server.push([], ++server.lastRefTime);
  await until(() => orders.last?.type === 'missing', 'the last instance to leave');
});

it('knows of a change whose push was lost', async () => {
  server.hosts = [host(1)];
  const orders = follow('orders', { clock: new FastClock(50) });
  await has(orders, '10.0.0.1:1');
  server.hosts = [host(2)];
  await has(orders, '10.0.0.1:2');
});

it('asks again when a Pod stopped answering', async () => {
  const registry = nacos({ servers: [server.address], protocol: 'http' });
  const stop = new AbortController();
  let look = () => {};
  const updates = registry.watch('orders', {
    signal: stop.signal,
    onRecheck: (recheck) => {
      look = recheck;
    },
  });
  const said: string[] = [];
  const done = (async () => {
    for await (const update of updates) said.push(update.type);
  })();
  await until(() => lists() === 2, 'the subscription');
  server.hosts = [host(1)];
  look();
  await until(() => said.join() === 'missing,reset', 'the new list');
  stop.abort();
  await done;
});

it('applies no push that is out of date, and no list, unless it is said twice', async () => {
  server.hosts = [host(1)];
  server.lastRefTime = 10;
  const orders = follow('orders', { clock: new FastClock(10) });
  await has(orders, '10.0.0.1:1');
  await subscribed();
  await server.push([host(2)], 9);
  await until(() => lists() > 3, 'a look');
  expect(orders.updates).toHaveLength(1);
  let old = 0;
  server.override = ({ path }) => {
    if (!path.endsWith('/list') || old++ > 0) return undefined;
    return [200, JSON.stringify({ hosts: [host(3)], lastRefTime: 9 })];
  };
  await until(() => old > 2, 'an old list, and a new one');
  expect(orders.updates).toHaveLength(1);
  // A server that lost its memory counts anew.
  server.hosts = [host(4)];
  server.lastRefTime = 5;
  await has(orders, '10.0.0.1:4');
});

it.each([
  ['noise', 'x'],
  ['nothing', ''],
  ['no push', '{"type":"dump"}'],
  ['a bomb', gzipSync(`"lastRefTime":1${' '.repeat(17 * 1024 * 1024)}`)],
  ['broken gzip', Buffer.from([0x1f, 0x8b, 1, 2, 3])],
])('lets datagrams be that are %s', async (_, datagram) => {
  server.hosts = [host(1)];
  const orders = follow();
  await has(orders, '10.0.0.1:1');
  await subscribed();
  const before = lists();
  expect(await server.datagram(datagram)).toBeUndefined();
  expect(lists()).toBe(before);
  await server.push(server.hosts, 2);
  await until(() => lists() > before, 'the look after a good one');
});

it('asks no more often than ten times a second, however many datagrams come', async () => {
  const orders = follow();
  await subscribed();
  const before = lists();
  const startMs = performance.now();
  for (let i = 0; i < 200; i++) await server.push([], i);
  await until(() => lists() > before, 'a look');
  expect(lists() - before).toBeLessThan((performance.now() - startMs) / 100 + 2);
  expect(orders.error).toBeUndefined();
});

it.each([
  ['no JSON', '<html>'],
  ['no object', '7'],
])('ends a watch with an error after a list that is %s', async (_, body) => {
  server.override = () => [200, body];
  const orders = follow();
  await orders.done;
  expect(String(orders.error)).toMatch(/^NacosError: Nacos answered .* no JSON object/);
});

it('keeps what it knows when a list has no hosts', async () => {
  server.hosts = 'none';
  const orders = follow();
  await until(() => orders.last?.type === 'problem', 'the problem');
});

it('has no timer, socket or request left when a watch has ended', async () => {
  const clock = new FastClock(100);
  const orders = follow('orders', { clock });
  await until(() => lists() > 3, 'several looks');
  await orders.close();
  expect(clock.pending).toBe(0);
  const after = lists();
  // Were the port still open, it would answer.
  expect(await server.push([], 2)).toBeUndefined();
  expect(lists()).toBe(after);
});

it('fails when no server answers, from the start and later', async () => {
  const orders = follow('orders', { clock: new FastClock(50) });
  await until(() => orders.updates.length > 0, 'the first list');
  await server.stop();
  await orders.done;
  const late = follow();
  await late.done;
  for (const error of [orders.error, late.error]) {
    expect(error).toMatchObject({ unreachable: true });
    expect(String(error)).toMatch(
      /no Nacos server can be reached over HTTP: 127\.0\.0\.1:\d+: ECONN(REFUSED|RESET).*; check/,
    );
  }
});

it('goes to another server when one is gone', async () => {
  server.hosts = [host(1)];
  for (const random of [0, 0.99]) {
    const servers = ['127.0.0.1:9', server.address];
    await has(follow('orders', { servers, random: () => random }), '10.0.0.1:1');
  }
});

it('does not repeat a refusal at every server: each would count one more wrong try', async () => {
  server.override = () => [403, 'no'];
  const orders = follow('orders', { servers: [server.address, server.address] });
  await orders.done;
  expect(lists()).toBe(1);
});

it.each([
  [410, /HTTP v1 is turned off there: use protocol 'grpc'/],
  [404, /check options\.contextPath/],
  [403, /give nacos\(\) a username and password/],
  [500, /refused a list \(HTTP 500: "no"\)/],
])('says what to do after HTTP %i', async (status, message) => {
  server.override = () => [status, 'no'];
  const orders = follow();
  await orders.done;
  expect(String(orders.error)).toMatch(message);
  expect(orders.error).toMatchObject({ unreachable: false });
});

it('finds applications of Dubbo by name, and says that it does not follow the mapping', async () => {
  const metadata = { 'dubbo.endpoints': '[{"port":20000,"protocol":"tri"}]' };
  server.hosts = [host(1, { metadata })];
  await has(follow('shop.Orders?dubbo=application&application=orders'), '10.0.0.1:20000');
  const orders = follow('shop.Orders?dubbo=application');
  await orders.done;
  expect(String(orders.error)).toMatch(/^InvalidInput: target\.application: .* must name the applications/);
});
