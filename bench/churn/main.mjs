// 10 000 endpoints of which 1 % changes ten times: CPU, and the longest stall of the event loop, from the registry's update to
// the new picker. Connections are stand-ins that are ready at once; their cost is another matter.
// usage: node bench/churn/main.mjs [policy…]   (after npm run build)
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createPolicy, policyNames } from '@podwire/balancer';
import { systemClock, systemRandom, toEndpoint, watchService } from '@podwire/registry';
import { Side } from '../../packages/client/dist/channel/side.js';

const ENDPOINTS = 10_000;
const CHANGES = 10;
const env = { clock: systemClock, random: systemRandom, afterPoll: setImmediate };

const transport = {
  name: 'stand-in',
  connect(_options, listener) {
    const connection = {
      state: 'ready',
      hasRoom: true,
      maxConcurrentStreams: 100,
      drain() {},
      destroy: () => listener.onClosed(),
    };
    queueMicrotask(() => listener.onReady());
    return connection;
  },
};

const endpoint = (i) => toEndpoint({ address: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:50051` });
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function measure(name) {
  const side = new Side({
    mode: 'direct',
    env,
    policy: createPolicy(name),
    authority: 'orders',
    commonHeaders: [],
    drainMs: 1_000,
    shared: {
      env,
      transport,
      governor: (fn) => fn(),
      backoff: { initialMs: 100, maxMs: 1_000 },
      maxConnectionsPerPod: 1,
      connectionOptions: () => ({}),
    },
    onChange() {
      if (side.pods.has(wanted)) onRebuilt();
    },
    onRoom() {},
    onPod() {},
  });
  let push;
  let wanted = '';
  let onRebuilt = () => {};
  // podwire's timers keep no process alive.
  const alive = setInterval(() => {}, 1 << 30);
  const registry = {
    scheme: 'bench',
    source: 'registry',
    async *watch(_service, { signal }) {
      yield { type: 'reset', endpoints: Array.from({ length: ENDPOINTS }, (_, i) => endpoint(i)) };
      while (!signal.aborted) yield await new Promise((resolve) => (push = resolve));
    },
  };
  const watch = watchService(
    registry,
    'orders',
    { ...env, holdMs: 0 },
    { onSet: (set) => side.update(set.endpoints) },
  );
  while (side.pods.size < ENDPOINTS) await turn();
  for (let i = 0; i < 50; i++) await turn();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  for (let change = 0; change < CHANGES; change++) {
    const count = ENDPOINTS / 100;
    const ids = Array.from({ length: count }, (_, i) => endpoint(change * count + i).id);
    push({ type: 'remove', ids });
    await turn();
    const endpoints = Array.from({ length: count }, (_, i) => endpoint(ENDPOINTS + change * count + i));
    wanted = endpoints[0].id;
    // Changes that come fast are taken together 50 ms later. To look for that in a loop would be what is measured.
    const rebuilt = new Promise((resolve) => (onRebuilt = resolve));
    push({ type: 'upsert', endpoints });
    await rebuilt;
    await turn();
  }
  const { user, system } = process.cpuUsage(cpu);
  delay.disable();
  clearInterval(alive);
  watch.close();
  side.close('done');
  return { cpuMs: (user + system) / 1_000, stallMs: delay.max / 1e6 };
}

console.log(`${ENDPOINTS} endpoints, 1 % replaced ${CHANGES} times`);
console.log('policy                    CPU ms   longest stall ms');
for (const name of process.argv.length > 2 ? process.argv.slice(2) : policyNames) {
  const { cpuMs, stallMs } = await measure(name);
  console.log(`${name.padEnd(22)}${cpuMs.toFixed(0).padStart(10)}${stallMs.toFixed(1).padStart(19)}`);
}
process.exit();
