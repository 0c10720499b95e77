import { systemRandom } from '@podwire/core';
import { watchService } from '@podwire/registry';
import { until } from '@podwire/registry/testing';
import { expect, it } from 'vitest';
import { host, NO_ANSWER } from '../testing/fake-nacos.ts';
import { FastClock } from '../testing/fast-clock.ts';
import { setUp } from '../testing/set-up.ts';

const bench = setUp();

it('fails all watches of a service when Nacos refuses its subscription, and subscribes anew for the next one', async () => {
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

/** As a channel watches, ten times as fast; the statuses are kept. */
function watchFast() {
  const clock = new FastClock(10);
  const errors: (string | undefined)[] = [];
  const watch = watchService(
    bench.open({ clock }),
    'orders',
    { clock, random: systemRandom },
    {
      onSet: () => {},
      onStatus: ({ lastError }) => errors.push(lastError),
    },
  );
  bench.onCleanup(async () => watch.close());
  return { watch, errors, clock, ids: () => watch.set?.endpoints.map(({ port }) => port).join() };
}

it('asks for the list soon when a Pod stops answering and no push comes', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  const { watch, ids } = watchFast();
  await until(() => ids() === '1', 'the first list');
  server.hosts = [host(2)];
  server.lastRefTime += 1;
  watch.recheck();
  const startMs = performance.now();
  await until(() => ids() === '2', 'the change that was not pushed');
  // 2 s and a second's pace, a tenth of it here; the next look would have been after 30 s.
  expect(performance.now() - startMs).toBeLessThan(2_000);
  expect(server.count('ServiceQueryRequest')).toBe(1);
});

it('does not ask when a push comes first', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  const { watch, ids, clock } = watchFast();
  await until(() => ids() === '1', 'the first list');
  watch.recheck();
  await until(() => clock.delaysMs.includes(2_000), 'the look to be planned');
  server.push([host(2)]);
  await until(() => ids() === '2', 'the push');
  // Health checks are 5 s apart: the look would have been before the second one from now.
  const checks = () => clock.delaysMs.filter((ms) => ms === 5_000).length;
  const before = checks();
  await until(() => checks() === before + 2, 'two health checks');
  expect(server.count('ServiceQueryRequest')).toBe(0);
});

it('goes by lists where pushes do not come, says so, and stops when one comes', async () => {
  const { server } = bench;
  server.hosts = [host(1)];
  const { watch, ids, errors } = watchFast();
  await until(() => ids() === '1', 'the first list');
  for (const port of [2, 3, 4]) {
    server.hosts = [host(port)];
    server.lastRefTime += 1;
    await until(() => ids() === String(port), `the change to ${port}`);
  }
  await until(() => errors.at(-1)?.includes('does not push changes, only lists pass') === true, 'the status');
  // From 30 s down to 5.
  expect(server.count('ServiceQueryRequest')).toBeLessThan(12);
  server.push([host(5)]);
  await until(() => ids() === '5', 'the push');
  await until(() => watch.status.lastError === undefined, 'the status to be well');
});
