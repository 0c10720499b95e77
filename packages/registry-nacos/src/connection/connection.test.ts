import { toEndpoint } from '@podwire/registry';
import { until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { FakeNacos, host, NO_ANSWER } from '../testing/fake-nacos.ts';
import { FastClock } from '../testing/fast-clock.ts';
import { setUp } from '../testing/set-up.ts';

const bench = setUp();
const POD = toEndpoint({ address: '10.0.0.9:9' });

it('leaves no connection behind that Nacos tells to go away', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  const registry = bench.open();
  await registry.announce('carts', POD);
  const orders = bench.follow(registry);
  await bench.has(orders, '10.0.0.1:1');
  server.goAway();
  await until(() => server.count('SubscribeServiceRequest') === 2, 'the new subscription');
  await until(() => server.connections === 1, 'the old connection to close');
  expect(server.count('InstanceRequest')).toBe(2);
  expect(orders.error).toBeUndefined();
});

it('switches at most every 5 s, however often it is asked to', async () => {
  const { server } = bench;
  const clock = new FastClock(10);
  const orders = bench.follow(bench.open({ clock, requestTimeoutMs: 60_000 }));
  await until(() => orders.updates.length > 0, 'the first list');
  server.overrides.set('SubscribeServiceRequest', () => void server.say('ConnectResetRequest', {}));
  const startedMs = performance.now();
  server.say('ConnectResetRequest', {});
  await until(() => server.count('SubscribeServiceRequest') >= 4, 'switches');
  // Ten times as fast here, and the first one is at once.
  expect(performance.now() - startedMs).toBeGreaterThan(800);
  server.overrides.clear();
});

it('leaves a server that answers health checks alone', async () => {
  const other = await new FakeNacos().start();
  bench.onCleanup(async () => other.stop());
  const both = [bench.server, other];
  for (const server of both) server.hosts = [host(1)];
  const servers = both.map(({ address }) => address);
  const registry = bench.open({ servers, requestTimeoutMs: 500 });
  const first = bench.follow(registry, 'carts');
  await bench.has(first, '10.0.0.1:1');
  const sick = bench.server.connections === 1 ? bench.server : other;
  const well = sick === other ? bench.server : other;
  sick.overrides.set('SubscribeServiceRequest', NO_ANSWER);
  // `carts` holds the connection.
  for (let orders = bench.follow(registry); orders.ids.length === 0; orders = bench.follow(registry)) {
    await Promise.race([orders.done, bench.has(orders, '10.0.0.1:1')]);
    if (orders.ids.length > 0) break;
    expect(sick.requests.length).toBeLessThan(20);
  }
  expect(well.count('SubscribeServiceRequest')).toBeGreaterThan(0);
  expect(first.error).toBeUndefined();
});
