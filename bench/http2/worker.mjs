// One measurement: node --expose-gc worker.mjs <transport> <workload> <ms> <address…>; prints JSON.
import * as http2 from '../../packages/http2/dist/index.js';
import { workloads } from './workloads.mjs';

const [name, workload, ms, ...addresses] = process.argv.slice(2);
const transport = [http2.ownHttp2Transport, http2.nodeHttp2Transport].find((one) => one.name === name);
const options = {
  tls: undefined,
  connectTimeoutMs: 3000,
  keepaliveTimeMs: 0,
  keepaliveTimeoutMs: 1000,
  keepaliveWithoutCalls: false,
  maxHeaderListBytes: 16_384,
};
const hold = setInterval(() => {}, 1000);
const connections = await Promise.all(
  addresses.map((address) => {
    const [host, port] = address.split(':');
    return new Promise((resolve, reject) => {
      const connection = transport.connect(
        { ...options, host, port: Number(port) },
        {
          onReady: () => resolve(connection),
          onDraining() {},
          onClosed: (cause) => reject(new Error(cause === undefined ? 'closed' : http2.closeText(cause))),
          onRoom() {},
        },
      );
    });
  }),
);

async function run(durationMs) {
  const state = { running: true, count: 0 };
  setTimeout(() => {
    state.running = false;
  }, durationMs);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await workloads[workload](connections, state);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - startedMs) / 1000;
  return { cpuUs: (user + system) / state.count, perSecond: state.count / seconds, count: state.count };
}

/** Garbage per call: the growth of the heap between two collections, over few enough calls that none runs meanwhile. */
async function garbage() {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const { count } = await run(20);
  return (process.memoryUsage().heapUsed - before) / count;
}

// The compiler's work is not the subject.
await run(Number(ms) / 2);
const result = await run(Number(ms));
const bytes = await garbage();
console.log(JSON.stringify({ ...result, bytes }));
for (const connection of connections) connection.destroy('done');
clearInterval(hold);
