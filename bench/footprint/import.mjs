// What importing podwire adds to importing grpc-js, which it needs anyway, as a share of what grpc-js takes: a time in milliseconds
// would say more of the machine than of podwire. npm run build && node bench/footprint/import.mjs [--attempts 4]
// CPU time. Fresh processes import the one and then the other, so that whatever the machine does meets both; the median of their
// shares counts. One attempt within the limit is enough; exits 1 when none is.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { median } from '../median.mjs';

/** Medians were 0.36 to 0.48 before `core`, 0.46 to 0.52 with it as a package of its own, and 0.41 to 0.47 since it is bundled with each. */
const LIMIT = 0.6;
const ROUNDS = 15;
const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const script = `
async function cpuMs(name) {
  const before = process.cpuUsage();
  await import(name);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
console.log(JSON.stringify([await cpuMs('@grpc/grpc-js'), await cpuMs('podwire')]));
`;

/** CPU time of both imports in a fresh process, in milliseconds. */
async function load() {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
  return JSON.parse(stdout);
}

async function measure() {
  await load();
  const loads = [];
  for (let i = 0; i < ROUNDS; i++) loads.push(await load());
  return {
    grpcMs: median(loads.map(([grpcMs]) => grpcMs)),
    podwireMs: median(loads.map(([, podwireMs]) => podwireMs)),
    share: median(loads.map(([grpcMs, podwireMs]) => podwireMs / grpcMs)),
  };
}

const { values } = parseArgs({ options: { attempts: { type: 'string', default: '1' } } });
let passed = false;
for (let left = Number(values.attempts); left > 0 && !passed; left--) {
  const { grpcMs, podwireMs, share } = await measure();
  passed = share <= LIMIT;
  console.log(
    `import, CPU: @grpc/grpc-js ${grpcMs.toFixed(0)} ms, podwire ${podwireMs.toFixed(1)} ms more: ${share.toFixed(2)} of it; at most ${LIMIT}`,
  );
}
process.exitCode = passed ? 0 : 1;
