import { until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { host, NO_ANSWER } from '../testing/fake-nacos.ts';
import { setUp } from '../testing/set-up.ts';

const bench = setUp();

it('fails all who look at a service when Nacos refuses its subscription, and subscribes anew for who comes next', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  server.overrides.set('SubscribeServiceRequest', { resultCode: 500, errorCode: 500, message: 'not yet' });
  const registry = bench.open();
  const all = ['orders', 'orders?clusters=DEFAULT', 'orders?metadata.a=b'].map((service) =>
    bench.follow(registry, service),
  );
  // It keeps the connection.
  server.overrides.set('SubscribeServiceRequest', ({ body }) =>
    body.serviceName === 'orders' ? { resultCode: 500, errorCode: 500, message: 'not yet' } : undefined,
  );
  const other = bench.follow(registry, 'carts');
  await bench.has(other, '10.0.0.1:1');
  await Promise.all(all.map(({ done }) => done));
  for (const { error, updates } of all) {
    expect([String(error), updates]).toEqual([expect.stringContaining('not yet'), []]);
  }
  server.overrides.clear();
  const again = bench.follow(registry);
  await bench.has(again, '10.0.0.1:1');
  expect(server.connections).toBe(1);
});

it('subscribes again only after the end of the subscription before was answered', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  const registry = bench.open({ requestTimeoutMs: 400 });
  await bench.has(bench.follow(registry, 'carts'), '10.0.0.1:1');
  const first = bench.follow(registry);
  await bench.has(first, '10.0.0.1:1');
  server.overrides.set('SubscribeServiceRequest', ({ body }) => (body.subscribe ? undefined : NO_ANSWER));
  const sent = () =>
    server.requests.filter(({ type, body }) => type.startsWith('Subscribe') && body.serviceName === 'orders');
  await first.close();
  await until(() => sent().length === 2, 'the end of the subscription');
  const endedMs = performance.now();
  const second = bench.follow(registry);
  await bench.has(second, '10.0.0.1:1');
  expect(performance.now() - endedMs).toBeGreaterThan(300);
});
