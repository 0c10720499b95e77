// The README's test command, then what needs more than Node: real servers, another Node, packed packages. Every step runs
// whatever became of those before; the last line counts all tests.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';

const NEWEST_LTS = 24;
const SLOWEST = 10;

const cache =
  process.env.PODWIRE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire');
const reports = mkdtempSync(join(tmpdir(), 'podwire-ci-'));
const steps = [];
let passed = 0;
let failed = 0;

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) console.error(error.message);
  return status === 0;
}

/** A step whose tests vitest counts, or which counts as one test itself. */
function step(name, work) {
  console.log(`\n=== ${name}`);
  const report = join(reports, `${steps.length}.json`);
  const startedMs = performance.now();
  const ok = work({ PODWIRE_REPORT: report });
  const counted = readReport(report);
  passed += counted?.numPassedTests ?? (ok ? 1 : 0);
  failed += counted?.numFailedTests ?? 0;
  // A step can fail beside its tests: a type error, a server that could not be installed.
  if (!ok && !(counted?.numFailedTests > 0)) failed += 1;
  if (counted !== undefined) printSlowest(counted);
  steps.push([name, (performance.now() - startedMs) / 1_000, ok]);
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** What to look at first when CI takes too long. */
function printSlowest({ testResults }) {
  const files = testResults.map(({ name, startTime, endTime }) => [endTime - startTime, relative('.', name)]);
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ duration, fullName }) => [duration ?? 0, `${basename(name)}: ${fullName}`]),
  );
  for (const [what, timed] of Object.entries({ files, tests })) {
    console.log(`\nslowest ${what}`);
    for (const [ms, name] of timed.sort(([a], [b]) => b - a).slice(0, SLOWEST))
      console.log(`${(ms / 1_000).toFixed(1).padStart(7)} s  ${name}`);
  }
}

/** The newest LTS Node, from the npm package that ships its binary. */
function newestNode() {
  const directory = join(cache, `node-${NEWEST_LTS}`);
  mkdirSync(directory, { recursive: true });
  const name = `node-${process.platform}-${process.arch}`;
  const ok = run('npm', [
    'install',
    '--prefix',
    directory,
    '--no-save',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    `${name}@${NEWEST_LTS}`,
  ]);
  if (!ok) throw new Error(`${name}@${NEWEST_LTS} could not be installed`);
  return join(directory, 'node_modules', name, 'bin', 'node');
}

step('npm test', (env) => run('npm', ['test'], env));
step("tests over Node's HTTP/2, with clients that podwire makes", (env) =>
  run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/'], {
    ...env,
    PODWIRE_TEST_TRANSPORT: 'node-http2',
    PODWIRE_TEST_CLIENT: 'createClient',
  }),
);
step('real servers', (env) => run('npm', ['run', 'test:real'], env));
step(`tests on Node ${NEWEST_LTS}`, (env) =>
  run(newestNode(), ['node_modules/vitest/vitest.mjs', 'run'], env),
);
step('CPU a call against the last record', () =>
  run('npm', ['run', 'bench', '--', '--check', '--ms', '1000']),
);
step('time to import', () => run(process.execPath, ['bench/footprint/import.mjs', '--attempts', '4']));
step('packed packages', () => run(process.execPath, ['.ci/packages.mjs']));

rmSync(reports, { recursive: true, force: true });
console.log('');
for (const [name, seconds, ok] of steps)
  console.log(`${seconds.toFixed(0).padStart(5)} s  ${ok ? 'ok    ' : 'FAILED'}  ${name}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
