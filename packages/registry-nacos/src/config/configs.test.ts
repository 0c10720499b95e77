import { until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { host } from '../testing/fake-nacos.ts';
import { FastClock } from '../testing/fast-clock.ts';
import { setUp } from '../testing/set-up.ts';

const bench = setUp();

it('fails all watches of a Dubbo interface when Nacos refuses the mapping', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  server.overrides.set('ConfigQueryRequest', { resultCode: 500, errorCode: 403, message: 'not for you' });
  const registry = bench.open();
  await bench.has(bench.follow(registry), '10.0.0.1:1');
  const all = ['1.0.0', '2.0.0'].map((version) =>
    bench.follow(registry, `shop.Orders?dubbo=application&version=${version}`),
  );
  await Promise.all(all.map(({ done }) => done));
  for (const { error, updates } of all) {
    expect([String(error), updates]).toEqual([expect.stringContaining('not for you'), []]);
  }
});

it('does not ask on and on for a config of which Nacos always says that it changed', async () => {
  const { server } = bench;
  server.configs.set('mapping/shop.Orders', 'orders');
  server.overrides.set('ConfigBatchListenRequest', {
    ...{ resultCode: 200, errorCode: 0 },
    changedConfigs: [{ dataId: 'shop.Orders', group: 'mapping' }],
  });
  const clock = new FastClock(10);
  const orders = bench.follow(bench.open({ clock }), 'shop.Orders?dubbo=application');
  await until(() => orders.updates.length > 0, 'the first list');
  await until(() => clock.delaysMs.includes(800), 'pauses that double');
  expect(server.count('ConfigQueryRequest')).toBeLessThan(10);
});

it('reads a mapping once for many changes, and again after it could not be read', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  server.configs.set('mapping/shop.Orders', 'orders');
  bench.follow(bench.open(), 'shop.Orders?dubbo=application');
  await until(() => server.count('SubscribeServiceRequest') === 1, 'the subscription');
  const before = server.count('ConfigQueryRequest');
  server.overrides.set('ConfigQueryRequest', { resultCode: 500, errorCode: 503, message: 'busy' });
  server.say('ConfigChangeNotifyRequest', { dataId: { toString: 1 }, group: 'mapping' });
  for (let i = 1; i < 100; i++) {
    server.say('ConfigChangeNotifyRequest', { dataId: 'shop.Orders', group: 'mapping' });
  }
  await until(() => server.answers.length === 100, 'the answers');
  await until(() => server.count('ConfigQueryRequest') > before + 1, 'another try');
  expect(server.count('ConfigQueryRequest')).toBeLessThan(before + 20);
  server.configs.set('mapping/shop.Orders', 'orders,carts');
  server.overrides.clear();
  await until(() => server.count('SubscribeServiceRequest') === 2, 'the other application');
});
