// One measurement in a process of its own: node worker.mjs '<JSON>'; prints JSON.
import { median } from './median.mjs';
import { workloads } from './workloads.mjs';

const { client: name, workload, ms, rate, addresses, garbage, module } = JSON.parse(process.argv[2]);
const { open } = await import(`./clients/${name}.mjs`);
const { run, tls = false } = workloads[workload];
const client = await open(addresses, { tls, module });

/** What is not compiled yet allocates more. */
const GARBAGE_WARM_UP_MS = 2_000;
const GARBAGE_SPELLS = 7;
const GARBAGE_SPELL_MS = 100;
const GARBAGE_TRIES = 60;

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
 * Growth of the heap a call: the median of spells that no collection fell into (the caller gives the heap room for that). Each begins
 * with a collection of the young generation alone: a full one throws compiled code away.
 */
async function measureGarbage() {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  const growth = [];
  for (let i = 0; i < GARBAGE_TRIES && growth.length < GARBAGE_SPELLS; i++) {
    globalThis.gc({ type: 'minor' });
    await told();
    const collected = collections;
    const before = process.memoryUsage().heapUsed;
    const { count } = await measure(GARBAGE_SPELL_MS, undefined);
    const after = process.memoryUsage().heapUsed;
    await told();
    if (collections === collected) growth.push((after - before) / count);
  }
  observer.disconnect();
  if (growth.length < GARBAGE_SPELLS) throw new Error(`${growth.length} spells without a collection`);
  return { garbageBytes: median(growth) };
}

/** Until the observer of collections has been called. */
const told = () => new Promise((resolve) => setTimeout(resolve, 5));

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
