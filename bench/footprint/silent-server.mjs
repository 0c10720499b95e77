// An HTTP/2 server in a process of its own, plaintext and TLS, that takes every call and answers none.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCRIPT = `
import { createSecureServer, createServer } from 'node:http2';
import { readFileSync } from 'node:fs';
const [key, cert] = process.argv.slice(-2).map((file) => readFileSync(file));
const onStream = (stream) => stream.on('error', () => {});
for (const server of [createServer(), createSecureServer({ key, cert })]) {
  server.on('stream', onStream);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  console.log('127.0.0.1:' + server.address().port);
}
process.stdin.on('end', () => process.exit()).resume();
`;

export async function startSilentServer() {
  const directory = mkdtempSync(join(tmpdir(), 'podwire-footprint-'));
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', keyFile, '-out', certFile, '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost'],
    ],
    { stdio: 'ignore' },
  );
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, keyFile, certFile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  const [address, tlsAddress] = await new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const lines = text.split('\n').slice(0, -1);
      if (lines.length === 2) resolve(lines);
    });
  });
  return {
    address,
    tlsAddress,
    certFile,
    stop() {
      child.kill();
      rmSync(directory, { recursive: true });
    },
  };
}
