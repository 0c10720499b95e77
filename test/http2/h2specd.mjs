// Runs h2spec's 57 cases for HTTP/2 clients: npm run build && node test/http2/h2specd.mjs. PODWIRE_TRANSPORT names another transport.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULE = 'github.com/summerwind/h2spec/cmd/h2specd@v2.2.1+incompatible';
const cache =
  process.env.PODWIRE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire');
const directory = join(cache, 'h2specd');
const binary = join(directory, 'h2specd');
if (!existsSync(binary)) {
  mkdirSync(directory, { recursive: true });
  const { status } = spawnSync('go', ['install', MODULE], {
    stdio: 'inherit',
    env: { ...process.env, GOBIN: directory, GOFLAGS: '' },
  });
  if (status !== 0) process.exit(2);
}

const client = `${process.execPath} ${fileURLToPath(new URL('h2specd-client.mjs', import.meta.url))}`;
const child = spawn(binary, ['-h', '127.0.0.1', '-f', '31000', '-p', '30999', '-e', client]);
let text = '';
child.stdout.on('data', (chunk) => {
  text += chunk;
  const summary = /(\d+) tests, (\d+) passed, .*/.exec(text);
  if (summary === null) return;
  // It does not end by itself.
  child.kill('SIGKILL');
  console.log(text.slice(0, summary.index + summary[0].length));
  process.exit(summary[1] === summary[2] ? 0 : 1);
});
