// What importing podwire adds to importing grpc-js, which it needs anyway: medians over fresh processes, in turn, so that
// whatever else the machine does meets both. npm run build && node bench/footprint/import.mjs [--attempts 4]
// CPU time counts, all threads of it, which is no less than what the clock shows on an idle machine and says the same on a
// busy one. One attempt within the limit is enough; exits 1 when none is.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { median } from '../median.mjs';

/** 20 until the packages grew by a quarter (windows, timers, factories, Unix sockets); to be brought back there. */
const LIMIT_MS = 32;
const ROUNDS = 11;
const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const script = (name) => `
const startedMs = performance.now();
const before = process.cpuUsage();
await import('${name}');
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ cpuMs: (user + system) / 1_000, wallMs: performance.now() - startedMs }));
`;

/** An import in a fresh process. */
async function load(name) {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script(name)], { cwd: root });
  return JSON.parse(stdout);
}

async function measure() {
  const own = [];
  const other = [];
  for (let i = 0; i < ROUNDS; i++) {
    other.push(await load('@grpc/grpc-js'));
    own.push(await load('podwire'));
  }
  const of = (runs, key) => median(runs.map((run) => run[key]));
  return ['cpuMs', 'wallMs'].map((key) => [of(other, key), of(own, key)]);
}

const words = ([grpc, podwire]) =>
  `@grpc/grpc-js ${grpc.toFixed(0)} ms, podwire ${(podwire - grpc).toFixed(1)} ms more`;
const { values } = parseArgs({ options: { attempts: { type: 'string', default: '1' } } });
let passed = false;
for (let left = Number(values.attempts); left > 0 && !passed; left--) {
  const [cpu, wall] = await measure();
  passed = cpu[1] - cpu[0] <= LIMIT_MS;
  console.log(`import, CPU: ${words(cpu)}; at most ${LIMIT_MS}. On the clock: ${words(wall)}`);
}
process.exitCode = passed ? 0 : 1;
