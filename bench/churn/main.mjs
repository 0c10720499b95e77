// 10 000 endpoints of which 1 % is replaced ten times: CPU of the whole process, and its longest stall, from the registry's
// word through the watch and a whole channel to the new picker. Each policy runs in a process of its own, three times; the
// median counts. usage: node bench/churn/main.mjs [policy…] (after npm run build). Exits 1 when a limit is exceeded.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { policyNames } from '@podwire/balancer';
import { rolldown } from 'rolldown';
import { median } from '../median.mjs';

/** What one such following of a set may cost. */
const MAX_CPU_MS = 300;
const MAX_STALL_MS = 20;
const RUNS = 3;
const WAYS = ['changes', 'document'];

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
// The worker makes channels on a transport of its own, which the published module does not let one do.
const worker = at('../results/churn-worker.mjs');
const bundle = await rolldown({
  input: at('worker.mjs'),
  platform: 'node',
  external: /^(node:|@podwire\/|@grpc\/)/,
});
await bundle.write({ file: worker });

function measure(policy, way) {
  const runs = Array.from({ length: RUNS }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [worker, policy, way], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${policy}, ${way}: ${stderr}`);
    return JSON.parse(stdout);
  });
  return {
    cpuMs: median(runs.map(({ cpuMs }) => cpuMs)),
    stallMs: median(runs.map(({ stallMs }) => stallMs)),
  };
}

console.log(
  '10 000 endpoints, 1 % replaced 10 times; the registry tells changes, or is a JSON file read anew',
);
console.log(`at most ${MAX_CPU_MS} ms of CPU in all, no stall over ${MAX_STALL_MS} ms\n`);
console.log('policy                told as      CPU ms   longest stall ms');
const names = process.argv.slice(2);
let failed = 0;
for (const policy of names.length > 0 ? names : policyNames) {
  for (const way of WAYS) {
    const { cpuMs, stallMs } = measure(policy, way);
    const passed = cpuMs <= MAX_CPU_MS && stallMs <= MAX_STALL_MS;
    if (!passed) failed += 1;
    const cells = [policy.padEnd(22), way.padEnd(9), cpuMs.toFixed(0).padStart(10)];
    console.log(`${cells.join('')}${stallMs.toFixed(1).padStart(19)}   ${passed ? 'pass' : 'FAIL'}`);
  }
}
rmSync(worker);
process.exit(failed === 0 ? 0 : 1);
