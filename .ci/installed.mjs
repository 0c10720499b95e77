// Programs from npm that CI runs but the workspace does not depend on: other Nodes, Jests, TypeScripts. Each set is installed once a
// machine into the cache, under a name that says what it is.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheRoot } from '../test/servers/cache.mjs';
import { run } from './run.mjs';

const FLAGS = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];

/** The folder whose node_modules has these: an object as in package.json's `dependencies`. */
export async function installed(name, dependencies) {
  const text = JSON.stringify({ private: true, dependencies });
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const directory = join(cacheRoot, `npm-${name}-${hash}`);
  if (existsSync(directory)) return directory;
  const making = `${directory}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    writeFileSync(join(making, 'package.json'), text);
    await run('npm', ['install', ...FLAGS], { cwd: making });
    if (!existsSync(directory)) renameSync(making, directory);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return directory;
}

/** The path of Node's binary, from the npm package that ships it. */
export async function nodeBinary(version) {
  const name = `node-${process.platform}-${process.arch}`;
  const directory = await installed(`node-${version}`, { [name]: version });
  return join(directory, 'node_modules', name, 'bin', 'node');
}
