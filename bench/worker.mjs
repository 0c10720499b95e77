// One measurement in a process of its own: node worker.mjs '<JSON>'; prints JSON.
import { median } from './median.mjs';
import { workloads } from './workloads.mjs';

const { client: name, workload, ms, rate, addresses, garbage } = JSON.parse(process.argv[2]);
const { open } = await import(`./clients/${name}.mjs`);
const { run, tls = false } = workloads[workload];
const client = await open(addresses, { tls });

/** What is not compiled yet allocates more. */
const GARBAGE_WARM_UP_MS = 2_000;
const GARBAGE_SPELLS = 7;
const GARBAGE_SPELL_MS = 100;

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

/**
 * Growth of the heap a call, over spells so short that hardly any meets a collection (the caller gives the heap room for it); the
 * median does not see one that did. Begins with a collection of the young generation alone: a full one throws compiled code away.
 */
async function measureGarbage() {
  globalThis.gc({ type: 'minor' });
  const growth = [];
  for (let i = 0; i < GARBAGE_SPELLS; i++) {
    const before = process.memoryUsage().heapUsed;
    const { count } = await measure(GARBAGE_SPELL_MS, undefined);
    growth.push((process.memoryUsage().heapUsed - before) / count);
  }
  return { garbageBytes: median(growth) };
}

async function measureTime() {
  const latencies = [];
  const { count: _, ...result } = await measure(ms, latencies);
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(latencies.length * share)];
  return { ...result, p50Ms: at(0.5), p99Ms: at(0.99) };
}

// The compiler's work is not the subject.
await measure(garbage ? GARBAGE_WARM_UP_MS : ms / 2, undefined);
console.log(JSON.stringify(garbage ? await measureGarbage() : await measureTime()));
await client.close();
process.exit();
