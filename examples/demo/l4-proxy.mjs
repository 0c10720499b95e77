// A layer-4 proxy as a Service VIP behaves: it balances connections, and sees no calls.
import { connect, createServer } from 'node:net';

/** Each new connection goes to the next backend; returns the address and what stops it. */
export async function startProxy(backends) {
  let next = 0;
  const sockets = new Set();
  const server = createServer((client) => {
    const [host, port] = backends()[next++ % backends().length].split(':');
    const upstream = connect(Number(port), host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ]) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.end();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${server.address().port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
