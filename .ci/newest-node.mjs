// Runs a command's arguments on the newest LTS Node, from the npm package that ships its binary: node .ci/newest-node.mjs <script> …
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheRoot } from '../test/servers/cache.mjs';

const LTS = 24;

const directory = join(cacheRoot, `node-${LTS}`);
mkdirSync(directory, { recursive: true });
const name = `node-${process.platform}-${process.arch}`;
const flags = ['--prefix', directory, '--no-save', '--prefer-offline', '--no-audit', '--no-fund'];
const run = (command, args) => {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(status ?? 1);
};
run('npm', ['install', ...flags, `${name}@${LTS}`]);
run(join(directory, 'node_modules', name, 'bin', 'node'), process.argv.slice(2));
