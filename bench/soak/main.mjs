// Calls at an even rate over Pods that come and go, and whether memory stays flat and sockets stay as many as Pods:
// npm run build && node bench/soak/main.mjs [--seconds 3600] [--rate 2000] [--pods 4] [--transport http2]
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as grpc from '@grpc/grpc-js';
import { createChannel } from 'podwire';
import { Load, percentile } from '../../examples/demo/load.mjs';
import { retries } from '../../examples/demo/retries.mjs';
import { EchoClient } from '../clients/definition.mjs';
import { median } from '../median.mjs';
import { Pods } from './pods.mjs';
import { connectionsTo } from './sockets.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '2000' },
    pods: { type: 'string', default: '4' },
    transport: { type: 'string', default: 'http2' },
  },
});
const [seconds, rate, pods] = [values.seconds, values.rate, values.pods].map(Number);

/** A Pod comes and one goes this often; every fourth one is killed. */
const CHANGE_MS = Math.max(2_000, Math.min(10_000, seconds * 60));
/** Until sockets must be as many as Pods again. */
const SETTLE_MS = 5_000;
/** Warm-up: compiled code, caches and histograms grow to their size. */
const WARM_UP_SHARE = 0.4;
/** Live memory after the warm-up may be so much larger at the end. */
const LIVE_GROWTH_BYTES = 1e6;
/** Of resident memory in ten minutes, with room for what the allocator keeps in a short run. */
const RESIDENT_GROWTH_BYTES = 1e6 * (seconds / 600) + 20e6;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
const fleet = new Pods();
const problems = [];
process.on('unhandledRejection', (error) => problems.push(`unhandled rejection: ${error}`));
process.on('warning', (warning) => problems.push(`warning: ${warning.message}`));

/** Live and resident memory, garbage aside. */
function memory() {
  gc();
  gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { live: heapUsed + external, resident: rss };
}

await fleet.start(pods);
const channel = createChannel(fleet.target, { transport: values.transport, serviceConfig: retries });
const client = new EchoClient('echo', grpc.credentials.createInsecure(), { channelOverride: channel });
await channel.ready();
const message = Buffer.alloc(100, 'podwire');
/** Calls whose reply a killed Pod had begun: no client can send those again (gRFC A6, "committed"). */
let cut = 0;
const isCut = ({ reason, details, pods: tried }) =>
  reason === 'CONNECTION_LOST' && details.includes('after its reply began') && fleet.killed.has(tried.at(-1));
const get = (_request, options, done) =>
  client.unary(message, options, (error) => {
    const counts = error !== null && !isCut(error);
    if (error !== null && !counts) cut += 1;
    done(counts ? error : null, { pod: '' });
  });
const load = new Load({ get }, rate);
const samples = [];
const seen = new Set(fleet.addresses);
const startedMs = performance.now();
const elapsed = () => (performance.now() - startedMs) / 1_000;
let [calls, failed, changes] = [0, 0, 0];
const latenciesMs = [];

while (elapsed() < seconds) {
  const changedMs = performance.now();
  const [added] = await fleet.start(1);
  seen.add(added);
  await fleet.retireOldest(changes % 4 === 3 ? 'killed' : 'leaves');
  changes += 1;
  let sockets = connectionsTo(seen);
  for (const since = performance.now(); sockets !== fleet.addresses.length; sockets = connectionsTo(seen)) {
    if (performance.now() - since > SETTLE_MS) {
      problems.push(`${sockets} sockets for ${fleet.addresses.length} Pods, ${elapsed().toFixed(0)} s in`);
      break;
    }
    await pause(50);
  }
  await pause(CHANGE_MS - (performance.now() - changedMs));
  const window = await load.take();
  calls += window.calls;
  failed += window.failed;
  latenciesMs.push(percentile(window.latenciesMs, 0.99));
  samples.push({ atSeconds: elapsed(), ...memory() });
}
await load.stop();
await channel.close();
// The last bytes, a GOAWAY among them, are given a moment.
for (const since = performance.now(); connectionsTo(seen) > 0 && performance.now() - since < 1_000; )
  await pause(20);
const left = connectionsTo(seen);
fleet.stopAll();

const flat = samples.filter(({ atSeconds }) => atSeconds > seconds * WARM_UP_SHARE);
const part = Math.max(1, Math.floor(flat.length / 3));
const growth = (key) =>
  median(flat.slice(-part).map((one) => one[key])) - median(flat.slice(0, part).map((one) => one[key]));
const report = {
  seconds: Math.round(elapsed()),
  callsPerSecond: Math.round(calls / samples.at(-1).atSeconds),
  calls,
  failed,
  cut,
  changes,
  p99Ms: Number(median(latenciesMs).toFixed(1)),
  liveMB: Number((samples.at(-1).live / 1e6).toFixed(1)),
  liveGrowthMB: Number((growth('live') / 1e6).toFixed(2)),
  residentGrowthMB: Number((growth('resident') / 1e6).toFixed(1)),
  socketsLeft: left,
};
if (cut > fleet.killed.size) problems.push(`${cut} replies were cut by ${fleet.killed.size} killed Pods`);
if (failed > 0) problems.push(`${failed} calls failed, the last with: ${load.lastError}`);
if (growth('live') > LIVE_GROWTH_BYTES) problems.push(`live memory grew by ${report.liveGrowthMB} MB`);
if (growth('resident') > RESIDENT_GROWTH_BYTES) problems.push(`RSS grew by ${report.residentGrowthMB} MB`);
if (left !== 0) problems.push(`${left} sockets are left after close()`);
if (calls < rate * seconds * 0.9) problems.push(`only ${report.callsPerSecond} calls/s`);
console.log(JSON.stringify({ ...report, problems }));
process.exit(problems.length === 0 ? 0 : 1);
