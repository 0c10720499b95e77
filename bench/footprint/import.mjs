// What importing podwire adds to importing grpc-js, which it needs anyway, as a share of what grpc-js takes in the same run: a time
// in milliseconds would say more of the machine than of podwire. npm run build && node bench/footprint/import.mjs [--attempts 4]
// CPU time of fresh processes, in turn; the least of each counts, since whatever else the machine does can only add to it. One
// attempt within the limit is enough; exits 1 when none is.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const LIMIT = 0.35;
const ROUNDS = 11;
const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const script = (name) => `
const before = process.cpuUsage();
await import('${name}');
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1_000);
`;

/** CPU time of an import in a fresh process, in milliseconds. */
async function load(name) {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script(name)], { cwd: root });
  return Number(stdout);
}

async function measure() {
  const own = [];
  const other = [];
  for (let i = 0; i < ROUNDS; i++) {
    other.push(await load('@grpc/grpc-js'));
    own.push(await load('podwire'));
  }
  return [Math.min(...other), Math.min(...own)];
}

const { values } = parseArgs({ options: { attempts: { type: 'string', default: '1' } } });
let passed = false;
for (let left = Number(values.attempts); left > 0 && !passed; left--) {
  const [grpcMs, podwireMs] = await measure();
  const addedMs = podwireMs - grpcMs;
  passed = addedMs <= LIMIT * grpcMs;
  const share = (addedMs / grpcMs).toFixed(2);
  console.log(
    `import, CPU: @grpc/grpc-js ${grpcMs.toFixed(0)} ms, podwire ${addedMs.toFixed(1)} ms more: ${share} of it; at most ${LIMIT}`,
  );
}
process.exitCode = passed ? 0 : 1;
