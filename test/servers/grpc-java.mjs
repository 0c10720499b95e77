// @ts-check
// grpc-java's interop server, with the same test certificate authority as grpc-go's.
import { provisioned } from './cache.mjs';
import { testTls } from './grpc-go.mjs';
import { items } from './items.mjs';
import { accepts, freePort, startProcess } from './process.mjs';

/** @param {{ readonly tls: boolean }} options @returns {Promise<import('./grpc-go.mjs').RealServer>} */
export async function startGrpcJavaInterop({ tls }) {
  const port = await freePort();
  const server = await startProcess({
    name: "grpc-java's interop server",
    command: [
      ...['java', '-Xmx1g', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ...['-cp', `${provisioned(items['grpc-java'])}/lib/*`, 'io.grpc.testing.integration.TestServiceServer'],
      ...[`--port=${port}`, `--use_tls=${tls}`, '--address_type=IPV4'],
    ],
    ready: () => accepts(port),
  });
  return {
    address: `127.0.0.1:${port}`,
    tls: tls ? testTls() : undefined,
    signal: server.signal,
    close: () => server.stop(),
  };
}
