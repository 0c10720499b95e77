// What importing podwire adds to importing grpc-js, which it needs anyway: medians over fresh processes, in turn, so that
// whatever else the machine does meets both. npm run build && node bench/footprint/import.mjs [--attempts 4]
// On a machine that is busy some attempts may miss; one that holds is enough. Exits 1 when none does.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const LIMIT_MS = 20;
const ROUNDS = 11;
const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/** Milliseconds of an import in a fresh process. */
async function importMs(name) {
  const script = `const a = performance.now(); await import('${name}'); console.log(performance.now() - a)`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
  return Number(stdout);
}

async function measure() {
  const own = [];
  const other = [];
  for (let i = 0; i < ROUNDS; i++) {
    other.push(await importMs('@grpc/grpc-js'));
    own.push(await importMs('podwire'));
  }
  return { grpcMs: median(other), podwireMs: median(own), moreMs: median(own) - median(other) };
}

const { values } = parseArgs({ options: { attempts: { type: 'string', default: '1' } } });
let passed = false;
for (let left = Number(values.attempts); left > 0 && !passed; left--) {
  const { grpcMs, podwireMs, moreMs } = await measure();
  passed = moreMs <= LIMIT_MS;
  const figure = `${podwireMs.toFixed(0)} ms (+${moreMs.toFixed(0)})`;
  console.log(`import @grpc/grpc-js ${grpcMs.toFixed(0)} ms, podwire ${figure}, at most +${LIMIT_MS} ms`);
}
process.exitCode = passed ? 0 : 1;
