// Builds one of the benchmark's Go programs, once, into the user's cache directory.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from '../test/servers/cache.mjs';

/** Resolves the program's path; `name` is the folder beside this file. */
export function goProgram(name) {
  const source = fileURLToPath(new URL(name, import.meta.url));
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(source, file)));
  const binary = join(cacheRoot, `bench-${name}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cacheRoot, { recursive: true });
  const { status, error } = spawnSync('go', ['build', '-o', binary, '.'], { cwd: source, stdio: 'inherit' });
  if (error) throw new Error(`the benchmark needs Go (1.24 or newer) for ${name}`, { cause: error });
  if (status !== 0) throw new Error(`${name} could not be built`);
  return binary;
}
