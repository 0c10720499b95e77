// One measurement in a process of its own: node --expose-gc worker.mjs '<JSON>'; prints JSON.
import { workloads } from './workloads.mjs';

const { client: name, workload, ms, rate, addresses } = JSON.parse(process.argv[2]);
const { open } = await import(`./clients/${name}.mjs`);
const { run, tls = false } = workloads[workload];
const client = await open(addresses, { tls });

async function measure(durationMs, latencies) {
  const state = { running: true, count: 0, latencies, rate };
  const timer = setTimeout(() => {
    state.running = false;
  }, durationMs);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await run(client, state);
  clearTimeout(timer);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - startedMs) / 1_000;
  return { cpuUs: (user + system) / state.count, perSecond: state.count / seconds, count: state.count };
}

/** Growth of the heap a call, between two collections and over so few calls that none runs meanwhile. */
async function garbage() {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const { count } = await measure(15, undefined);
  return (process.memoryUsage().heapUsed - before) / count;
}

// The compiler's work is not the subject.
await measure(ms / 2, undefined);
const latencies = [];
const { count: _, ...result } = await measure(ms, latencies);
latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.floor(latencies.length * share)];
const garbageBytes = workload === 'unary-64' ? await garbage() : undefined;
console.log(JSON.stringify({ ...result, p50Ms: at(0.5), p99Ms: at(0.99), garbageBytes }));
await client.close();
process.exit();
