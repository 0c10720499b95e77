// Runs measurements, each in a process of its own, of whatever client is named.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { itemDirectory } from '../test/servers/cache.mjs';
import { startEnvoy } from '../test/servers/envoy.mjs';
import { items } from '../test/servers/items.mjs';
import { startBackend } from './backend.mjs';
import { goProgram } from './go.mjs';
import { median } from './median.mjs';
import { workloads } from './workloads.mjs';

const run = promisify(execFile);
const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));
/** Linux counts a process's time in hundredths of a second (sysconf _SC_CLK_TCK). */
const TICK_US = 10_000;

/** Garbage is measured apart: in a young generation (MB) that is not collected meanwhile. */
const GARBAGE_FLAGS = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'];

export const CLIENTS = [
  ...['podwire', 'podwire-client', 'podwire-node-http2'],
  ...['grpc-js', 'grpc-js-layer', 'node-http2', 'node-net', 'grpc-go', 'envoy'],
];

/** Whether it is there to be measured; all but Envoy come with Node and Go. */
export function isInstalled(client) {
  return client !== 'envoy' || existsSync(itemDirectory(items.envoy));
}

/**
 * Starts the backends, and Envoy before them if it is wanted. `garbage`: measure that as well. `recorded`: the URL of the podwire that a
 * client named `podwire@recorded` or `podwire-client@recorded` uses.
 */
export async function startMeasuring(clients, { garbage = false, recorded } = {}) {
  const backend = await startBackend(4);
  const envoy = clients.includes('envoy') ? await startEnvoy({ upstreams: backend.addresses }) : undefined;

  async function inNode(client, workload, ms, rate, addresses) {
    const [name, version] = client.split('@');
    const module = version === 'recorded' ? recorded : undefined;
    const order = { client: name, workload, ms, rate, addresses, module };
    const started = async (flags, more) =>
      JSON.parse(
        (await run(process.execPath, [...flags, worker, JSON.stringify({ ...order, ...more })])).stdout,
      );
    const result = await started([], {});
    if (!garbage || workload !== 'unary-64') return result;
    return { ...result, ...(await started(GARBAGE_FLAGS, { garbage: true })) };
  }

  async function inGo(workload, ms) {
    const inFlight = workload === 'unary-1' ? '1' : '64';
    const options = ['-in-flight', inFlight, '-bytes', '100', '-ms', String(ms)];
    return JSON.parse((await run(goProgram('client'), [...options, ...backend.addresses])).stdout);
  }

  /** grpc-js with Envoy between it and the backends; the CPU of both. */
  async function throughEnvoy(workload, ms) {
    const before = cpuUs(envoy.pid);
    const result = await inNode('grpc-js', workload, ms, undefined, [envoy.address]);
    // Envoy served the warm-up as well, which is half as long.
    const calls = result.perSecond * (ms / 1_000) * 1.5;
    return { ...result, cpuUs: result.cpuUs + (cpuUs(envoy.pid) - before) / calls };
  }

  return {
    /** `rate` in calls a second is for the open loop. */
    one(client, workload, ms, rate) {
      if (client === 'grpc-go') return inGo(workload, ms);
      if (client === 'envoy') return throughEnvoy(workload, ms);
      const addresses = workloads[workload].tls ? backend.tlsAddresses : backend.addresses;
      return inNode(client, workload, ms, rate, addresses);
    },
    async stop() {
      backend.stop();
      await envoy?.close();
    },
  };
}

function cpuUs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/** The median of each figure over all rounds. */
export function medians(samples) {
  const keys = ['cpuUs', 'perSecond', 'p50Ms', 'p99Ms', 'garbageBytes'];
  const of = (key) => samples.map((sample) => sample[key]).filter((value) => value !== undefined);
  return Object.fromEntries(
    keys
      .map((key) => [key, of(key)])
      .map(([key, values]) => [key, values.length ? median(values) : undefined]),
  );
}
