// The process of one client: it calls at the rate that main.mjs asks for, and tells what became of its calls and what they cost.
// usage: node consumer.mjs <JSON: kind, target, mesh, loopback>
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createChannel } from 'podwire';
import { Load, percentile } from './load.mjs';
import { connectToPlaces } from './loopback.mjs';
import { retries } from './retries.mjs';

const { kind, target, mesh, loopback } = JSON.parse(process.argv[2]);
const proto = fileURLToPath(new URL('orders.proto', import.meta.url));
const { Orders } = grpc.loadPackageDefinition(loadSync(proto)).demo;
const insecure = grpc.credentials.createInsecure();
connectToPlaces(loopback);

/** One connection to an address behind which a proxy balances: grpc-js's default. */
const viaProxy = () => ({ client: new Orders(target, insecure) });

/** The options of grpc-js with which every Pod is used. */
const plain = () => ({
  client: new Orders(target, insecure, {
    'grpc.service_config': JSON.stringify({ ...retries, loadBalancingConfig: [{ round_robin: {} }] }),
    // By default grpc-js asks again 30 s after it last asked, too late for Pods that are all replaced within seconds.
    'grpc.dns_min_time_between_resolutions_ms': 1_000,
  }),
});

function podwire() {
  const channel = createChannel(target, {
    policy: 'round_robin',
    serviceConfig: retries,
    mesh: { address: mesh },
  });
  return { client: new Orders('orders', insecure, { channelOverride: channel }), channel };
}

const { client, channel } = { proxy: viaProxy, 'grpc-js': plain, podwire }[kind]();
await new Promise((resolve, reject) =>
  client.waitForReady(Date.now() + 60_000, (error) => (error ? reject(error) : resolve())),
);
const load = new Load(client, 0);
let cpu = process.cpuUsage();

const commands = {
  rate: ({ callsPerSecond, maxOpen }) => load.setRate(callsPerSecond, maxOpen),
  /** Calls that each Pod answered in this window. */
  shares: () => [...load.window.byPod],
  open: () => load.open,
  async take() {
    const used = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    const { latenciesMs, byPod, ...counts } = await load.take();
    return {
      ...counts,
      byPod: [...byPod],
      p99Ms: percentile(latenciesMs, 0.99),
      cpuUs: used.user + used.system,
      lastError: load.lastError,
    };
  },
  readyPods: () => channel.snapshot().pods.filter(({ state }) => state === 'ready').length,
  setMode: (mode) => channel.setMode(mode),
  async close() {
    await load.stop();
    client.close();
    await channel?.close();
    process.disconnect();
  },
};
process.on('message', async ({ id, command, argument }) => {
  const answer = await commands[command](argument);
  if (process.connected) process.send({ id, answer });
});
process.once('disconnect', () => process.exit(0));
process.stdout.write('ready\n');
