import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '../support/until.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Live memory now, garbage aside. */
export function liveBytes(): number {
  // The first frees what holds buffers, the second the buffers.
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A process with one server for each attack. */
export interface HostilePeer {
  readonly ports: Readonly<Record<string, number>>;
  /** Of `localhost`, for servers with TLS. */
  readonly certFile: string;
  readonly keyFile: string;
  stop(): void;
}

export async function startHostilePeer(): Promise<HostilePeer> {
  const directory = mkdtempSync(join(tmpdir(), 'podwire-hostile-'));
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, ...subject], { stdio: 'ignore' });
  const script = fileURLToPath(new URL('hostile-process.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.endsWith('\n'));
  return {
    ports: JSON.parse(text) as Record<string, number>,
    certFile,
    keyFile,
    stop() {
      child.kill();
      rmSync(directory, { recursive: true });
    },
  };
}
