// Four provider processes, a client with a generated stub, and what happens to its calls when Pods come and go: through
// a layer-4 proxy, directly with podwire, and with grpc-js alone on the same faults.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createChannel } from 'podwire';
import { Fleet } from './fleet.mjs';
import { startProxy } from './l4-proxy.mjs';
import { Load, percentile } from './load.mjs';
import { retries } from './retries.mjs';
import { Screen, table } from './screen.mjs';

const CALLS_PER_SECOND = 400;
const PHASE_MS = 3_000;

const { Orders } = grpc.loadPackageDefinition(
  loadSync(fileURLToPath(new URL('orders.proto', import.meta.url))),
).demo;
const insecure = grpc.credentials.createInsecure();
const directory = mkdtempSync(join(tmpdir(), 'podwire-demo-'));
const fleet = new Fleet(directory, 'orders');
const screen = new Screen();
const results = [];
let allowedFailures = 0;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const rows = (window) => [...window.byPod].sort().map(([pod, calls]) => [pod, calls]);

/** Runs one phase on both clients at once, so that they meet the same faults. */
async function phase(title, podwire, plain, action) {
  await Promise.all([podwire.take(), plain.take()]);
  screen.phase(title, () => rows(podwire.window));
  const [atOnce] = await Promise.all([action(), pause(PHASE_MS)]);
  const [own, other] = await Promise.all([podwire.take(), plain.take()]);
  screen.end(rows(own));
  results.push([title, own, other]);
  return { own, other, atOnce };
}

async function main() {
  await fleet.start(4);
  const proxy = await startProxy(() => fleet.addresses);
  const vip = new Orders(proxy.address, insecure);
  const target = `file://${directory}/#orders`;
  const channel = createChannel(target, {
    policy: 'round_robin',
    serviceConfig: retries,
    mesh: { address: proxy.address },
  });
  await channel.ready();

  const vipLoad = new Load(vip, CALLS_PER_SECOND);
  screen.phase('1  layer-4 proxy: one long connection', () => rows(vipLoad.window));
  await pause(PHASE_MS);
  const onVip = await vipLoad.take();
  screen.end(rows(onVip));
  await vipLoad.stop();
  vip.close();

  // grpc-js can be given a fixed list; it has no registry to tell it of those that come later.
  const plainClient = new Orders(`ipv4:${fleet.addresses.join(',')}`, insecure, {
    'grpc.service_config': JSON.stringify({ ...retries, loadBalancingConfig: [{ round_robin: {} }] }),
  });
  const podwire = new Load(new Orders('orders', insecure, { channelOverride: channel }), CALLS_PER_SECOND);
  const plain = new Load(plainClient, CALLS_PER_SECOND);

  await phase('2  direct: every Pod its share', podwire, plain, async () => {});
  const killed = await phase('3a SIGKILL: one Pod killed, two added', podwire, plain, async () => {
    await pause(500);
    const [victim] = fleet.addresses;
    const inFlight = channel.snapshot().pods.find(({ id }) => id === victim)?.inFlight ?? 0;
    await fleet.stop(victim, 'SIGKILL');
    await fleet.start(2);
    return inFlight;
  });
  // A call whose reply had begun cannot be tried again; no more may fail than were on that Pod.
  allowedFailures += killed.atOnce;
  await phase('3b roll-out: all Pods replaced, one by one', podwire, plain, async () => {
    for (const address of fleet.addresses) {
      await fleet.start(1);
      await pause(200);
      await fleet.stop(address, 'SIGTERM');
    }
  });
  await phase('4  modes: to mesh and back, twice, while calls run', podwire, plain, async () => {
    for (const mode of ['mesh', 'direct', 'mesh', 'direct']) {
      await channel.setMode(mode);
      await pause(500);
    }
  });
  await Promise.all([podwire.stop(), plain.stop()]);
  plainClient.close();
  await channel.close();
  proxy.close();
  return { onVip, lastError: podwire.lastError };
}

/** Calls of the busiest Pods; the table fits into 80 columns. */
function shares(byPod) {
  const counts = [...byPod.values()].sort((a, b) => b - a);
  return [...counts.slice(0, 4), ...(counts.length > 4 ? [`+${counts.length - 4}`] : [])].join(' ');
}

function report({ onVip, lastError }) {
  const ms = (value) => `${value.toFixed(1)} ms`;
  const row = (title, client, { calls, failed, byPod, latenciesMs }) => [
    title,
    client,
    calls,
    failed,
    shares(byPod),
    ms(percentile(latenciesMs, 0.5)),
    ms(percentile(latenciesMs, 0.99)),
  ];
  const lines = [row('1  layer-4 proxy', 'grpc-js', onVip)];
  for (const [title, own, other] of results) {
    lines.push(row(title.split(':')[0], 'podwire', own), row('', 'grpc-js', other));
  }
  table(['', 'client', 'calls', 'failed', 'per Pod', 'p50', 'p99'], lines);
  const failed = results.reduce((sum, [, own]) => sum + own.failed, 0);
  if (failed <= allowedFailures) return 0;
  process.stdout.write(`\n${failed} podwire calls failed, ${allowedFailures} may have: ${lastError}\n`);
  return 1;
}

try {
  process.exitCode = report(await main());
} finally {
  await fleet.stopAll();
  rmSync(directory, { recursive: true, force: true });
}
