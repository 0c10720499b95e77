// The same bytes over bare sockets, to a server that sends them back, without a protocol and without keeping what comes back:
// what TCP in Node alone allows. Unary calls only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

const SERVER = `
import { createServer } from 'node:net';
const server = createServer({ noDelay: true }, (socket) => socket.on('error', () => {}).pipe(socket));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
`;
const READ_BYTES = 256 * 1024;

function openSocket(port) {
  /** Those whose bytes are on their way, in order. */
  const waiting = [];
  let received = 0;
  const onRead = (count) => {
    received += count;
    while (waiting.length > 0 && received >= waiting[0].message.length) {
      const { message, done } = waiting.shift();
      received -= message.length;
      done(null, message);
    }
    return true;
  };
  const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback: onRead };
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
  const unary = (message, done) => {
    waiting.push({ message, done });
    socket.write(message);
  };
  return { socket, unary };
}

export async function open(addresses) {
  const server = spawn(process.execPath, ['--input-type=module', '-e', SERVER], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = await once(server.stdout, 'data');
  const sockets = addresses.map(() => openSocket(Number(port)));
  await Promise.all(sockets.map(({ socket }) => once(socket, 'connect')));
  let next = 0;
  return {
    unary: (message, done) => sockets[next++ % sockets.length].unary(message, done),
    close() {
      for (const { socket } of sockets) socket.destroy();
      server.kill();
    },
  };
}
