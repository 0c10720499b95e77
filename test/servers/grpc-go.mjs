// @ts-check
// grpc-go's interop server and client: https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { provisioned } from './cache.mjs';
import { items } from './items.mjs';
import { accepts, freePort, startProcess } from './process.mjs';

const TEST_SERVER_NAME = 'foo.test.google.fr';
const file = (/** @type {string} */ name) => join(provisioned(items['grpc-go']), name);

/**
 * A real gRPC server of another language.
 * @typedef {object} RealServer
 * @property {string} address
 * @property {{ readonly caFile: string, readonly serverName: string } | undefined} tls of its certificate; undefined on plaintext
 * @property {(signal: NodeJS.Signals) => void} signal such as SIGSTOP and SIGCONT
 * @property {() => Promise<void>} close
 */

/** What a client checks the certificate of grpc's test servers with. @returns {NonNullable<RealServer['tls']>} */
export const testTls = () => ({ caFile: file('ca.pem'), serverName: TEST_SERVER_NAME });

/** @param {{ readonly tls: boolean }} options @returns {Promise<RealServer>} */
export async function startGrpcGoInterop({ tls }) {
  const port = await freePort();
  const certificate = [`--tls_cert_file=${file('server1.pem')}`, `--tls_key_file=${file('server1.key')}`];
  const server = await startProcess({
    name: "grpc-go's interop server",
    command: [file('server'), `--port=${port}`, ...(tls ? ['--use_tls', ...certificate] : [])],
    ready: () => accepts(port),
  });
  return {
    address: `127.0.0.1:${port}`,
    tls: tls ? testTls() : undefined,
    signal: server.signal,
    close: () => server.stop(),
  };
}

/**
 * Runs one test case of the interop client; rejects with what it printed when the case fails.
 * @param {{ address: string, testCase: string, tls?: boolean, timeoutMs?: number }} options
 */
export async function runGrpcGoClient({ address, testCase, tls = false, timeoutMs = 30_000 }) {
  const at = address.lastIndexOf(':');
  const secure = tls
    ? [
        '--use_tls',
        '--use_test_ca',
        `--ca_file=${file('ca.pem')}`,
        `--server_host_override=${TEST_SERVER_NAME}`,
      ]
    : [];
  const args = [`--server_host=${address.slice(0, at)}`, `--server_port=${address.slice(at + 1)}`];
  await promisify(execFile)(file('client'), [...args, `--test_case=${testCase}`, ...secure], {
    timeout: timeoutMs,
  });
}
