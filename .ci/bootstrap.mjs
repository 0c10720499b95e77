// Runs tasks of the workspace on a machine that has only Node and npm: installs what the lockfile names first.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PNPM } from './pnpm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const bin = (name) => `node_modules/.bin/${name}`;
const steps = {
  build: [
    [bin('tsc'), '-b'],
    [process.execPath, '.ci/bundle.mjs'],
  ],
  check: [
    [bin('biome'), 'ci', '--error-on-warnings', ...(process.env.NO_COLOR ? ['--colors=off'] : []), '.'],
    [bin('tsc'), '-b'],
    [bin('tsc'), '-p', 'tsconfig.test.json'],
    [bin('knip'), '--include', 'exports,types', '--no-config-hints', '--no-progress'],
  ],
  test: [[bin('vitest'), 'run']],
  'test:real': [
    [process.execPath, 'test/servers/provision.mjs'],
    [process.execPath, 'test/servers/sandbox.mjs', bin('vitest'), 'run', '--config', 'vitest.real.config.ts'],
  ],
  demo: [[process.execPath, 'examples/demo/main.mjs']],
  bench: [[process.execPath, 'bench/main.mjs']],
  sim: [[process.execPath, 'test/sim/main.mjs']],
  promises: [
    [process.execPath, 'test/servers/provision.mjs', 'promises-pod', 'toxiproxy'],
    [process.execPath, 'test/promises/main.mjs'],
  ],
};

function run(command, args) {
  const startedMs = Date.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.error(`[${seconds} s] ${[command, ...args].join(' ')}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** The lockfile's hash is written beside node_modules, so that a second run installs nothing. */
function install() {
  const stamp = `${root}node_modules/.installed`;
  const want = createHash('sha256')
    .update(readFileSync(`${root}pnpm-lock.yaml`))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === want) return;
  run('npx', ['--yes', PNPM, 'install', '--frozen-lockfile', '--prefer-offline']);
  writeFileSync(stamp, want);
}

const given = process.argv.slice(2);
// What begins with a dash, and all after it, goes to the last command; so does all after `promises`, which takes the ids of rows.
const at = given.findIndex((argument, i) => argument.startsWith('-') || given[i - 1] === 'promises');
const wanted = given.slice(0, at < 0 ? undefined : at);
const rest = at < 0 ? [] : given.slice(at);
const unknown = wanted.find((task) => !(task in steps));
if (unknown !== undefined || wanted.length === 0) {
  console.error(`usage: node .ci/bootstrap.mjs ${Object.keys(steps).join('|')} ...`);
  process.exit(2);
}
install();
const commands = wanted.flatMap((task) => steps[task]);
for (const line of commands) {
  const [command, ...args] = line;
  run(command, line === commands.at(-1) ? [...args, ...rest] : args);
}
