// Starts the echo server that the clients are measured against: grpc-go, built once into the user's cache directory.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('backend-go', import.meta.url));

function build() {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(source, file)));
  const cache =
    process.env.PODWIRE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire');
  const binary = join(cache, `bench-backend-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  const { status, error } = spawnSync('go', ['build', '-o', binary, '.'], { cwd: source, stdio: 'inherit' });
  if (error) throw new Error('the benchmark needs Go (1.24 or newer) for its echo server', { cause: error });
  if (status !== 0) throw new Error('the echo server could not be built');
  return binary;
}

/** Resolves to the addresses that it serves on and what ends it. */
export async function startBackend(ports) {
  const child = spawn(build(), ['-ports', String(ports)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  const addresses = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the echo server ended with ${code}`)));
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const lines = text.split('\n').slice(0, -1);
      if (lines.length === ports) resolve(lines);
    });
  });
  return { addresses, stop: () => child.kill() };
}
