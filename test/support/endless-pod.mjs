// A Pod in a process of its own, so that its memory is not the client's: answers every call with messages of as many bytes as the
// header `x-bytes` says, without end, as far as flow control lets it. Prints the ports of as many servers as its argument says.
import { createServer } from 'node:http2';

const PREFIX_BYTES = 5;

function answer(stream, headers) {
  const bytes = Number(headers['x-bytes']);
  const message = Buffer.alloc(PREFIX_BYTES + bytes, 'podwire');
  message[0] = 0;
  message.writeUInt32BE(bytes, 1);
  stream.on('error', () => {});
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  const write = () => {
    while (!stream.destroyed && stream.write(message));
  };
  stream.on('drain', write);
  write();
}

const ports = [];
for (let i = 0; i < Number(process.argv[2] ?? 1); i++) {
  const server = createServer({ maxSessionMemory: 4096, settings: { maxConcurrentStreams: 100_000 } });
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports.push(server.address().port);
}
console.log(JSON.stringify(ports));
process.stdin.on('end', () => process.exit()).resume();
