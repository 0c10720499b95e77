// An address of its own for each Pod, and one port for all, as Pods of one Service have: 127.0.0.2, 127.0.0.3 and so on. Linux and
// Windows answer on all of 127.0.0.0/8. macOS answers on 127.0.0.1 alone: there 127.0.0.N:PORT stands for 127.0.0.1:(PORT + N), and
// clients connect there instead.
import { createServer, Socket } from 'node:net';

const FIRST = 2;
/** Pods that the demo may start in all. */
const PODS = 30;

/** What Pods and clients of one run share; plain data, so that it can be handed to their processes. */
export async function findLoopback(oneAddress = process.env.DEMO_ONE_ADDRESS === '1') {
  for (;;) {
    // Below the ports that systems give to outgoing connections, which begin at 32 768 or above.
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const loopback = { port, oneAddress };
    const places = Array.from({ length: PODS }, (_, i) => placeOf(loopback, i).listen);
    const codes = new Set(await Promise.all(places.map(tryToListen)));
    if (codes.has('EADDRNOTAVAIL')) oneAddress = true;
    else if (codes.size === 1 && codes.has('free')) return loopback;
  }
}

/** The Pod's address as DNS names it, and where its process listens. */
export function placeOf({ port, oneAddress }, index) {
  const last = FIRST + index;
  const ip = `127.0.0.${last}`;
  return { ip, listen: oneAddress ? `127.0.0.1:${port + last}` : `${ip}:${port}` };
}

/** On a machine with one address: from now on this process connects to where the Pods listen. */
export function connectToPlaces({ port, oneAddress }) {
  if (!oneAddress) return;
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function (...args) {
    // `net.connect` passes its arguments as one list, which carries a mark of Node's own.
    const [list] = args;
    const last = Number(/^127\.0\.0\.(\d+)$/.exec(list[0].host)?.[1]);
    if (last >= FIRST && Number(list[0].port) === port)
      list[0] = { ...list[0], host: '127.0.0.1', port: port + last };
    return connect.apply(this, args);
  };
}

function tryToListen(address) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const server = createServer().once('error', ({ code }) => resolve(code));
    server.listen(Number(port), host, () => server.close(() => resolve('free')));
  });
}
