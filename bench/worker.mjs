// One measurement in a process of its own: node worker.mjs <client> <workload> <ms> <address…>; prints JSON.
import { workloads } from './workloads.mjs';

const [clientName, workloadName, durationMs, ...addresses] = process.argv.slice(2);
const { open } = await import(`./clients/${clientName}.mjs`);
const client = await open(addresses);

async function run(ms, latencies) {
  const state = { running: true, count: 0, latencies };
  const timer = setTimeout(() => {
    state.running = false;
  }, ms);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await workloads[workloadName].run(client, state);
  clearTimeout(timer);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - startedMs) / 1_000;
  return { cpuUs: (user + system) / state.count, perSecond: state.count / seconds };
}

// The compiler's work is not the subject.
await run(Number(durationMs) / 2, undefined);
const latencies = [];
const result = await run(Number(durationMs), latencies);
latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.floor(latencies.length * share)];
console.log(JSON.stringify({ ...result, p50Ms: at(0.5), p99Ms: at(0.99) }));
await client.close();
process.exit();
