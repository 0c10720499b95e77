import { systemClock } from '@podwire/core';
import { nodeHttp2Transport, ownHttp2Transport } from '@podwire/http2';
import { toEndpoint } from '@podwire/registry';
import { Followed, until } from '@podwire/registry/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nacos } from './nacos.ts';
import { FakeNacos, host } from './testing/fake-nacos.ts';

let server: FakeNacos;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  server = await new FakeNacos().start();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  server.stop();
});

function open(more: Omit<Parameters<typeof nacos>[0], 'servers'> = {}) {
  const registry = nacos({ servers: [server.address], ...more });
  cleanups.push(async () => registry.close?.());
  return registry;
}

function follow(registry: ReturnType<typeof nacos>, service = 'orders') {
  const followed = new Followed(registry, service);
  cleanups.push(() => followed.close());
  return followed;
}

const has = (followed: Followed, ids: string) => until(() => followed.ids.join() === ids, `the set ${ids}`);

describe.each([nodeHttp2Transport, ownHttp2Transport])('over $name', (transport) => {
  it('tells the list and each push, and acknowledges pushes', async () => {
    server.hosts = [host(1)];
    const orders = follow(open({ transport }));
    await has(orders, '10.0.0.1:1');
    server.push([host(1), host(2)]);
    await has(orders, '10.0.0.1:1,10.0.0.1:2');
    await until(() => server.answers.length > 0, 'the acknowledgement');
    expect(server.answers[0]).toMatchObject({
      type: 'NotifySubscriberResponse',
      body: { requestId: '7', resultCode: 200 },
    });
    server.push([]);
    await until(() => orders.last?.type === 'missing', 'the last instance to leave');
  });
});

it('refuses a wrong target before anything is asked', () => {
  const { check } = open();
  expect(() => check?.('orders?grup=G')).toThrow("target.grup is unknown; did you mean 'group'?");
  expect(() => check?.('orders@a')).toThrow('must name a service');
  expect(check?.('orders?group=G')).toBeUndefined();
});

it('refuses a push that is older than what it knows', async () => {
  server.hosts = [host(1)];
  server.lastRefTime = 10;
  const orders = follow(open());
  await has(orders, '10.0.0.1:1');
  server.push([host(2)], 9);
  server.push([host(1), host(3)], 11);
  await has(orders, '10.0.0.1:1,10.0.0.1:3');
  expect(orders.updates).toHaveLength(2);
});

it('believes the next list that it asks for after a push from a far future', async () => {
  server.hosts = [host(1)];
  // Thirty seconds are 0.3 here.
  const clock = { ...systemClock, after: (ms: number, fn: () => void) => systemClock.after(ms / 100, fn) };
  const orders = follow(open({ clock, requestTimeoutMs: 600_000 }));
  await has(orders, '10.0.0.1:1');
  const names = { name: 'orders', groupName: 'DEFAULT_GROUP' };
  server.say('NotifySubscriberRequest', { serviceInfo: { ...names, hosts: [host(2)], lastRefTime: 1e308 } });
  await has(orders, '10.0.0.1:2');
  server.hosts = [host(3)];
  await has(orders, '10.0.0.1:3');
});

it('has one subscription and one connection for many watches of many registries', async () => {
  server.hosts = [host(1)];
  const all = Array.from({ length: 100 }, () => follow(open()));
  await Promise.all(all.map((one) => has(one, '10.0.0.1:1')));
  expect(server.count('SubscribeServiceRequest')).toBe(1);
  expect(server.connections).toBe(1);
  await Promise.all(all.map((one) => one.close()));
  await until(() => server.connections === 0, 'the connection to close');
});

it('ends a watch with a clear error when the connection ends', async () => {
  const orders = follow(open());
  await until(() => orders.updates.length > 0, 'the first list');
  server.stop();
  await orders.done;
  expect(String(orders.error)).toMatch(/^NacosError: the connection to Nacos at 127\.0\.0\.1:\d+ ended/);
});

it('switches servers when it is asked to, without an error', async () => {
  server.hosts = [host(1)];
  const registry = open();
  const orders = follow(registry);
  await has(orders, '10.0.0.1:1');
  await registry.announce('carts', toEndpoint({ address: '10.0.0.9:9' }));
  server.say('ConnectResetRequest', {});
  await until(() => server.count('SubscribeServiceRequest') === 2, 'the new subscription');
  expect(server.count('InstanceRequest')).toBe(2);
  expect(orders.error).toBeUndefined();
  server.push([host(1), host(2)]);
  await has(orders, '10.0.0.1:1,10.0.0.1:2');
  await until(() => server.connections === 1, 'the old connection to close');
});

it('registers again after a restart with the weight and state of last time', async () => {
  const registry = open();
  const announcement = await registry.announce('orders', toEndpoint({ address: '10.0.0.9:9', zone: 'a' }));
  await announcement.update({ weight: 7, phase: 'draining' });
  server.stop();
  await server.start();
  await until(() => server.count('InstanceRequest') === 3, 'the registration');
  expect(server.requests.at(-1)?.body).toMatchObject({
    type: 'registerInstance',
    instance: {
      ip: '10.0.0.9',
      port: 9,
      weight: 7,
      enabled: false,
      ephemeral: true,
      metadata: { zone: 'a' },
    },
  });
  await registry.close?.();
  expect(server.requests.at(-1)?.body).toMatchObject({ type: 'deregisterInstance' });
});

it('keeps a Pod that was announced again when the announcement before it is withdrawn', async () => {
  const pod = toEndpoint({ address: '10.0.0.9:9' });
  const first = await open().announce('orders', pod);
  const second = await open().announce('orders', pod);
  await first.withdraw();
  expect(server.requests.at(-1)?.body).toMatchObject({ type: 'registerInstance' });
  await second.update({ weight: 3 });
  await second.withdraw();
  expect(server.requests.at(-1)?.body).toMatchObject({ type: 'deregisterInstance' });
});

it('tells an announcement that another one followed it', async () => {
  const registry = open();
  const pod = toEndpoint({ address: '10.0.0.9:9' });
  const first = await registry.announce('orders', pod);
  await registry.announce('orders', pod);
  await expect(first.update({ weight: 2 })).rejects.toThrow('10.0.0.9:9 was announced again as orders');
});

it('registers several Pods of one service as a batch', async () => {
  const registry = open();
  const first = await registry.announce('orders', toEndpoint({ address: '10.0.0.9:1' }));
  await registry.announce('orders', toEndpoint({ address: '10.0.0.9:2' }));
  expect(server.requests.at(-1)?.body).toMatchObject({
    type: 'batchRegisterInstance',
    instances: [{ port: 1 }, { port: 2 }],
  });
  await first.withdraw();
  expect(server.requests.at(-1)?.body).toMatchObject({ type: 'registerInstance', instance: { port: 2 } });
});

it('says what to do when Nacos refuses', async () => {
  server.overrides.set('SubscribeServiceRequest', { resultCode: 500, errorCode: 403, message: 'no' });
  const orders = follow(open());
  await orders.done;
  expect(String(orders.error)).toMatch(
    /refused SubscribeServiceRequest: no \(code 403\); give nacos\(\) a username/,
  );
});

it('finds the Pods of a Dubbo interface by the applications that have it, in the version that is asked for', async () => {
  const service = { name: 'shop.Orders', protocol: 'tri' };
  const versions = { 1: '1.0.0', 2: '2.0.0', 3: undefined };
  for (const [revision, version] of Object.entries(versions)) {
    const info = { app: 'orders', revision, services: { any: { ...service, version } } };
    server.configs.set(`${revision}/orders`, JSON.stringify(info));
  }
  server.configs.set('mapping/shop.Orders', 'orders');
  const pod = (port: number, revision: string) => {
    const endpoints = { 'dubbo.endpoints': `[{"port":${port},"protocol":"tri"}]` };
    const more = { 'dubbo.metadata.revision': revision, 'dubbo.metadata.storage-type': 'remote' };
    return host(1, { metadata: { ...endpoints, ...more } });
  };
  server.hosts = [pod(2001, '1'), pod(2002, '2'), pod(2003, '3'), pod(2004, '4'), pod(2005, '0')];
  const first = follow(open(), 'shop.Orders?dubbo=application&version=1.0.0');
  await has(first, '10.0.0.1:2001');
  await has(follow(open(), 'shop.Orders?dubbo=application'), '10.0.0.1:2003');
  await has(
    follow(open(), 'shop.Orders?dubbo=application&version=*'),
    '10.0.0.1:2001,10.0.0.1:2002,10.0.0.1:2003',
  );
  expect(first.endpoints.get('10.0.0.1:2001')?.attributes).toMatchObject({
    'header.tri-service-version': '1.0.0',
  });
  expect(first.last).toMatchObject({
    dropped: [
      'hosts[3]: 10.0.0.1:2004 is not used: Nacos has no config orders in the group 4',
      expect.stringMatching(/^hosts\[4\]: 10\.0\.0\.1:2005 is not used: it has no 'dubbo.metadata.revision'/),
    ],
  });
  // Metadata that could not be read is asked for again. A new Pod is not used before its metadata is known.
  server.configs.set('4/orders', server.configs.get('1/orders')!);
  await has(first, '10.0.0.1:2001,10.0.0.1:2004');
  server.push([pod(2001, '1'), pod(2006, '1')]);
  await has(first, '10.0.0.1:2001,10.0.0.1:2006');
  const reads = server.requests.filter(
    ({ type, body }) => type === 'ConfigQueryRequest' && body.group === '1',
  );
  expect(reads).toHaveLength(3);
});

it.each([
  [{ servers: [] }, /^options.servers: \[\] must be a list/],
  [{ servers: ['a:0'] }, /^options.servers\[0\]/],
  [{ servers: ['a'], pasword: 'x' }, /did you mean 'password'/],
  [{ servers: ['a'], password: 'hidden' }, /^options.username: undefined must be given/],
])('rejects %j', (options, message) => {
  expect(() => nacos(options)).toThrow(message);
});

it.each(['', 'a b', 'orders?grup=G', 'orders?dubbo=x', 'orders?version=1'])(
  'rejects the target %j',
  (target) => {
    const { signal } = new AbortController();
    expect(() => open().watch(target, { signal })).toThrow(/^target/);
  },
);
