import { createChannel, type PodwireChannel } from 'podwire';
import { afterEach, expect, test } from 'vitest';
import { startEnvoy } from '../servers/envoy.mjs';
import { startToxiproxy } from '../servers/toxiproxy.mjs';
import { get, ordersClient } from '../support/orders-client.ts';
import { startOrdersServer } from '../support/orders-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});
function open(address: string): PodwireChannel {
  const channel = createChannel(`static:///${address}`);
  cleanup.push(() => channel.close({ graceMs: 0 }));
  return channel;
}

test('calls take as long as the network to the Pod, and fail when it resets connections', async () => {
  const pod = await startOrdersServer();
  cleanup.push(() => pod.stop());
  const toxiproxy = await startToxiproxy();
  cleanup.push(() => toxiproxy.close());
  const network = await toxiproxy.proxy(pod.address);
  const channel = open(network.address);
  const client = ordersClient(channel);
  await get(client);
  await network.add('latency', { latency: 200 });
  const startedMs = performance.now();
  await get(client);
  expect(performance.now() - startedMs).toBeGreaterThan(190);
  await network.clear();
  await network.enable(false);
  await expect(get(client)).rejects.toMatchObject({ code: 14 });
  await network.enable(true);
  await channel.ready();
  expect((await get(client)).pod).toBe(pod.address);
});

test('calls go through Envoy, which spreads them over its backends', async () => {
  const pods = await Promise.all([startOrdersServer(), startOrdersServer()]);
  for (const pod of pods) cleanup.push(() => pod.stop());
  const envoy = await startEnvoy({ upstreams: pods.map(({ address }) => address) });
  cleanup.push(() => envoy.close());
  const client = ordersClient(open(envoy.address));
  for (let i = 0; i < 20; i++) await get(client);
  expect(pods.map(({ calls }) => calls)).toEqual([10, 10]);
});
