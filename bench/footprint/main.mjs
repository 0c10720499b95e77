// What podwire holds and costs before it does anything: an idle connection, a call in flight, an import.
// npm run build && node bench/footprint/main.mjs [--rounds 9]
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startSilentServer } from './silent-server.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const run = promisify(execFile);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const worker = fileURLToPath(new URL('worker.mjs', import.meta.url));

async function measure(...args) {
  const { stdout } = await run(process.execPath, ['--expose-gc', worker, ...args]);
  return Number(stdout);
}

/** Milliseconds of an import in a fresh process. */
async function importMs(name) {
  const script = `const a = performance.now(); await import('${name}'); console.log(performance.now() - a)`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
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

// In turn, so that whatever else the machine does meets both.
const own = [];
const other = [];
for (let i = 0; i < Number(values.rounds); i++) {
  other.push(await importMs('@grpc/grpc-js'));
  own.push(await importMs('podwire'));
}
const more = median(own) - median(other);
rows.push(['import @grpc/grpc-js', `${median(other).toFixed(0)} ms`, '', true]);
rows.push(['import podwire', `${median(own).toFixed(0)} ms (+${more.toFixed(0)})`, '+20 ms', more <= 20]);

for (const [what, figure, limit, ok] of rows) {
  console.log(
    `${what.padEnd(54)} ${figure.padStart(16)} ${limit.padStart(10)}  ${ok ? '' : 'MISSED'}`.trimEnd(),
  );
}
process.exitCode = rows.every(([, , , ok]) => ok) ? 0 : 1;
