// Starts the echo server that the clients are measured against: grpc-go.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { goProgram } from './go.mjs';

const certificate = (file) => fileURLToPath(new URL(`../test/certs/${file}`, import.meta.url));

/** Resolves to the addresses that it serves on, so many in plaintext and as many with TLS, and what ends it. */
export async function startBackend(ports) {
  const tls = ['-cert', certificate('server-one.pem'), '-key', certificate('server-one.key')];
  const child = spawn(goProgram('backend'), ['-ports', String(ports), ...tls], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  const lines = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the echo server ended with ${code}`)));
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const got = text.split('\n').slice(0, -1);
      if (got.length === 2 * ports) resolve(got);
    });
  });
  return { addresses: lines.slice(0, ports), tlsAddresses: lines.slice(ports), stop: () => child.kill() };
}
