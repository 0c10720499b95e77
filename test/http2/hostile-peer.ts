import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { until } from '../support/until.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** Of `localhost`, for the peer and for honest servers with TLS. */
export const CERTIFICATE = {
  caFile: path('../certs/ca-one.pem'),
  certFile: path('../certs/server-one.pem'),
  keyFile: path('../certs/server-one.key'),
};

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
  stop(): void;
}

export async function startHostilePeer(): Promise<HostilePeer> {
  const files = [CERTIFICATE.keyFile, CERTIFICATE.certFile];
  const command = [path('hostile-process.mjs'), ...files];
  const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.endsWith('\n'));
  return {
    ports: JSON.parse(text) as Record<string, number>,
    stop: () => {
      child.kill();
    },
  };
}
