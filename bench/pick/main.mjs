// Cost of one pick over policies and numbers of Pods: node bench/pick/main.mjs [--json]. Needs a build (npm run build).
import { parseArgs } from 'node:util';
import { createPolicy, LoadMeter, policyNames } from '@podwire/balancer';
import { systemRandom, toEndpoint } from '@podwire/registry';

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const SIZES = [10, 100, 1_000, 10_000];
const PICKS = 1_000_000;
const env = { random: systemRandom, nowMs: () => performance.now() };

function makePods(count) {
  const total = { inFlight: 0 };
  return Array.from({ length: count }, (_, i) => {
    const endpoint = toEndpoint({
      address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:50051`,
      weight: 1 + (i % 3),
    });
    return { id: endpoint.id, endpoint, available: true, load: new LoadMeter(total) };
  });
}

function measure(name, size) {
  const pods = makePods(size);
  const policy = createPolicy(name);
  const buildStart = performance.now();
  const picker = policy.build(pods, pods, env);
  const buildMs = performance.now() - buildStart;
  const info = { hash: 0, excluded: undefined };
  const run = (count) => {
    for (let i = 0; i < count; i++) {
      // 31 bits: a larger number would be boxed here, and counted as the policy's allocation.
      info.hash = Math.imul(i, 0x9e3779b1) >>> 1;
      picker.pick(info);
    }
  };
  run(PICKS / 2);
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const start = performance.now();
  run(PICKS);
  const ns = ((performance.now() - start) / PICKS) * 1e6;
  const bytes = Math.max(0, process.memoryUsage().heapUsed - heap) / PICKS;
  return { ns, bytes, buildMs };
}

const results = {};
for (const name of policyNames) {
  results[name] = {};
  for (const size of SIZES) results[name][size] = measure(name, size);
}
if (values.json) console.log(JSON.stringify(results, undefined, 2));
else {
  console.log('ns per pick (bytes allocated per pick; ms to build the picker)');
  console.log(`${''.padEnd(22)}${SIZES.map((size) => `${size} Pods`.padStart(24)).join('')}`);
  for (const [name, bySize] of Object.entries(results)) {
    const cells = SIZES.map((size) => {
      const { ns, bytes, buildMs } = bySize[size];
      return `${ns.toFixed(0)} (${bytes.toFixed(1)}; ${buildMs.toFixed(1)})`.padStart(24);
    });
    console.log(`${name.padEnd(22)}${cells.join('')}`);
  }
}
