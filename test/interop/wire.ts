import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that counts what goes through it. */
export interface CountingProxy {
  readonly address: string;
  readonly connections: number;
  readonly bytesFromClient: number;
  readonly bytesFromServer: number;
  close(): Promise<void>;
}

export async function countingProxy(address: string): Promise<CountingProxy> {
  const at = address.lastIndexOf(':');
  const target = { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
  const sockets = new Set<Socket>();
  const seen = { connections: 0, bytesFromClient: 0, bytesFromServer: 0 };
  const server = createServer((client) => {
    seen.connections += 1;
    const upstream = connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.once('close', () => sockets.delete(from));
      from.pipe(to);
    }
    client.on('data', (chunk) => {
      seen.bytesFromClient += chunk.length;
    });
    upstream.on('data', (chunk) => {
      seen.bytesFromServer += chunk.length;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return seen.connections;
    },
    get bytesFromClient() {
      return seen.bytesFromClient;
    },
    get bytesFromServer() {
      return seen.bytesFromServer;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
