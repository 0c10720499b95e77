// A process with one server for each attack; prints {"attack": port, …}. In a process of its own, so that its memory is not the client's.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { attacks } from './attacks.mjs';
import { frameReader, settings, TYPE } from './frames.mjs';

function begin(socket, attack) {
  let onHeaders = () => {};
  let started = false;
  socket.on('error', () => {});
  const write = (bytes) => !socket.destroyed && socket.write(bytes);
  const flood = (bytes) => {
    while (!socket.destroyed && socket.write(bytes));
    if (!socket.destroyed) socket.once('drain', () => flood(bytes));
  };
  const reader = frameReader(({ type, streamId }) => {
    if (type !== TYPE.HEADERS) return;
    onHeaders(streamId);
    if (started) return;
    started = true;
    attack({
      write,
      flood,
      pause: () => socket.pause(),
      onHeaders: (fn) => {
        onHeaders = fn;
        fn(streamId);
      },
    });
  });
  socket.on('data', reader);
  write(settings());
}

const servers = Object.entries(attacks).map(([name, attack]) => [
  name,
  createServer((socket) => begin(socket, attack)),
]);
servers.push([
  'no streams allowed',
  createServer((socket) => socket.on('error', () => {}).write(settings([3, 0]))),
]);
servers.push(['no SETTINGS', createServer((socket) => socket.on('error', () => {}).resume())]);
servers.push([
  'HTTP/1',
  createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
]);
const [keyFile, certFile] = process.argv.slice(2);
const tls = {
  key: readFileSync(keyFile),
  cert: readFileSync(certFile),
  ALPNProtocols: ['h2'],
};
servers.push([
  'garbage after TLS',
  createTlsServer(tls, (socket) => {
    socket.on('error', () => {});
    socket.write(Buffer.alloc(1 << 16, 'not HTTP/2 at all '));
  }),
]);

const ports = {};
for (const [name, server] of servers) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports[name] = server.address().port;
}
console.log(JSON.stringify(ports));
// Ends with its parent process.
process.stdin.on('end', () => process.exit()).resume();
