// A Pod in a process of its own, so that its work is not the client's: answers every call with the bytes that came, compressed as they
// are. The header `x-status` is the status behind them. Prints its port.
import { createServer } from 'node:http2';

const server = createServer({ maxSessionMemory: 4096, settings: { initialWindowSize: 1 << 24 } });
server.on('session', (session) => session.on('error', () => {}));
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  const encoding = headers['grpc-encoding'] ?? 'identity';
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-encoding': encoding },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': headers['x-status'] ?? '0' }));
  stream.pipe(stream);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
console.log(server.address().port);
process.stdin.on('end', () => process.exit()).resume();
