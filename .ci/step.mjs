// Steps of CI: each a command whose output is shown when it ends, since others may run meanwhile, and whose tests are counted.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';

const SLOWEST = 10;
const PROGRESS_MS = 30_000;

const directory = mkdtempSync(join(tmpdir(), 'podwire-ci-'));
const ended = [];
const running = new Map();
let passed = 0;
let failed = 0;
/** What failed, a line each: printed again at the end, since a reader may be shown the end alone. */
const failures = [];
const MAX_FAILURES = 40;
const MAX_MESSAGE = 200;

const secondsSince = (startedMs) => (performance.now() - startedMs) / 1_000;

/** Runs one command as a step: its tests are those that vitest reports, else it is one itself. Never rejects. */
export async function step(name, command, args, env = {}) {
  const path = join(directory, `${ended.length + running.size}`);
  const [output, report] = [`${path}.log`, `${path}.json`];
  const startedMs = performance.now();
  running.set(name, { startedMs, output });
  const file = openSync(output, 'a');
  const ok = await new Promise((resolve) => {
    const stdio = ['ignore', file, file];
    const child = spawn(command, args, { stdio, env: { ...process.env, PODWIRE_REPORT: report, ...env } });
    child.once('error', (error) => {
      console.log(`${name}: ${error.message}`);
      resolve(false);
    });
    child.once('close', (code) => resolve(code === 0));
  });
  closeSync(file);
  running.delete(name);
  const seconds = secondsSince(startedMs);
  ended.push({ name, seconds, ok });
  const counted = readReport(report);
  passed += counted?.numPassedTests ?? (ok ? 1 : 0);
  failed += counted?.numFailedTests ?? 0;
  // A step can fail beside its tests: a type error, a server that could not be installed.
  if (!ok && !(counted?.numFailedTests > 0)) {
    failed += 1;
    failures.push(`${name}: the step itself`);
  }
  for (const line of counted === undefined ? [] : failedTests(counted)) failures.push(`${name}: ${line}`);
  console.log(`\n=== ${name}: ${ok ? 'ok' : 'FAILED'} after ${seconds.toFixed(0)} s`);
  console.log(readFileSync(output, 'utf8').trim());
  if (counted !== undefined) printSlowest(counted);
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Each failed test with its file and the first line of why. */
function failedTests({ testResults }) {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === 'failed');
    const lines = tests.map(({ fullName, failureMessages }) => [fullName, failureMessages[0]]);
    if (status === 'failed' && lines.length === 0) lines.push(['did not run', message]);
    return lines.map(
      ([what, why = '']) => `${basename(name)}: ${what}: ${why.split('\n', 1)[0].slice(0, MAX_MESSAGE)}`,
    );
  });
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

const progress = setInterval(() => {
  const names = [...running].map(
    ([name, { startedMs }]) => `${name} (${secondsSince(startedMs).toFixed(0)} s)`,
  );
  if (names.length > 0) console.log(`... ${names.join(', ')}`);
}, PROGRESS_MS);

/** Prints the time of each step and, last, the count of tests; sets the exit code. */
export function finish() {
  clearInterval(progress);
  rmSync(directory, { recursive: true, force: true });
  console.log('');
  for (const line of failures.slice(0, MAX_FAILURES)) console.log(`failed: ${line}`);
  if (failures.length > MAX_FAILURES) console.log(`failed: ${failures.length - MAX_FAILURES} more`);
  for (const { name, seconds, ok } of ended)
    console.log(`${seconds.toFixed(0).padStart(5)} s  ${ok ? 'ok    ' : 'FAILED'}  ${name}`);
  console.log(`${secondsSince(0).toFixed(0).padStart(5)} s          in all`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

// A person that ends CI too early sees the steps that were running.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    for (const [name, { output }] of running)
      console.log(`\n=== ${name}: ended by ${signal}\n${readFileSync(output, 'utf8').trim()}`);
    failed += 1;
    finish();
    process.exit();
  });
