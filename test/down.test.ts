import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { failure } from './support/orders-fixture.ts';
import { openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

/** Failed attempts to connect, and how many of them there were for each Pod. */
function countFailures(channel: ReturnType<typeof openChannel>) {
  const failures = { all: 0, of: new Map<string, number>() };
  channel.events.on('pod', ({ id, state }) => {
    if (state !== 'backoff') return;
    failures.all += 1;
    failures.of.set(id, (failures.of.get(id) ?? 0) + 1);
  });
  return failures;
}

test.each(['least_request', 'pick_first'] as const)(
  'Pods that are all down are tried again soon with %s, and the first that is back gets the calls that wait',
  async (policy) => {
    const servers = [await openOrdersServer(), await openOrdersServer(), await openOrdersServer()];
    const ports = servers.map(({ port }) => port);
    const channel = openChannel(`static:///${servers.map(({ address }) => address).join()}`, {
      policy,
      // Without the last, the sixth delay of each Pod would take 10 s and the seventh 17 s.
      backoff: { initialMs: 200, maxMs: 60_000, downMs: 200 },
    });
    const client = ordersClient(channel);
    await get(client);
    for (const server of servers) await server.stop();
    const failures = countFailures(channel);
    await until(() => ports.every((port) => (failures.of.get(`127.0.0.1:${port}`) ?? 0) >= 12));
    expect(await failure(get(client))).toMatchObject({
      code: grpc.status.UNAVAILABLE,
      reason: 'NO_CONNECTION',
    });
    const patient = new grpc.Metadata({ waitForReady: true });
    const waiting = get(client, {}, patient);
    const back = await openOrdersServer({ port: ports[1]! });
    expect((await waiting).pod).toBe(back.address);
    expect((await get(client)).pod).toBe(back.address);
  },
);

test('thousands of Pods that refuse are each tried once, and then a hundred of them a second', async () => {
  const addresses = Array.from({ length: 2_500 }, (_, i) => `127.1.${i >> 8}.${i & 255}:9`);
  const channel = openChannel(`static:///${addresses.join()}`);
  const client = ordersClient(channel);
  const failures = countFailures(channel);
  const first = failure(get(client, {}, new grpc.Metadata(), { deadline: Date.now() + 60_000 }));
  await until(() => channel.getConnectivityState(false) === grpc.connectivityState.TRANSIENT_FAILURE);
  expect(failures.of.size).toBe(2_500);
  expect(['NO_CONNECTION', 'WAIT_TIMEOUT']).toContain((await first).reason);
  // What a second gives may be there already.
  const before = failures.all;
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  await until(() => failures.all >= before + 300);
  const tookMs = performance.now() - startMs;
  expect(tookMs).toBeGreaterThan(1_900);
  const { user, system } = process.cpuUsage(cpu);
  expect((user + system) / 1_000 / tookMs).toBeLessThan(0.4);
  expect(await failure(get(client))).toMatchObject({ reason: 'NO_CONNECTION' });
}, 60_000);
