// What podwire holds and costs before it does anything: an idle connection, a call in flight, an import.
// npm run build && node bench/footprint/main.mjs
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startSilentServer } from './silent-server.mjs';

const run = promisify(execFile);
const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));

async function measure(...args) {
  const { stdout } = await run(process.execPath, ['--expose-gc', worker, ...args]);
  return Number(stdout);
}

/** `podwire` is an unmodified generated client, which stands on grpc-js's client layer. */
const CLIENTS = ['podwire', 'podwire-client', 'podwire-http2-bare', 'the client layer of grpc-js', 'grpc-js'];

const rows = [];
const server = await startSilentServer();
for (const [tls, address] of [
  ['plaintext', server.address],
  ['TLS', server.tlsAddress],
]) {
  const bytes = await measure('connections', address, tls === 'TLS' ? server.certFile : '');
  rows.push([`idle connection, ${tls}`, `${(bytes / 1024).toFixed(1)} KiB`, '≤ 64 KiB', bytes <= 65_536]);
}
for (const client of CLIENTS) {
  const bytes = await measure('calls', server.address, client);
  const limit = client.includes('grpc-js') ? undefined : 2_048;
  rows.push([
    `call in flight of 10 000, ${client}`,
    `${(bytes / 1024).toFixed(2)} KiB`,
    limit === undefined ? '' : '≤ 2 KiB',
    limit === undefined || bytes <= limit,
  ]);
}
server.stop();

for (const [what, figure, limit, ok] of rows) {
  console.log(
    `${what.padEnd(54)} ${figure.padStart(16)} ${limit.padStart(10)}  ${ok ? '' : 'MISSED'}`.trimEnd(),
  );
}
const imports = spawnSync(process.execPath, [fileURLToPath(new URL('import.mjs', import.meta.url))], {
  stdio: 'inherit',
});
process.exitCode = rows.every(([, , , ok]) => ok) && imports.status === 0 ? 0 : 1;
