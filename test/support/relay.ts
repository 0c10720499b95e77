import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../servers/process.mjs';

/** Passes a port's bytes on to another one, while it is open. */
export class Relay {
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  constructor(to: number) {
    this.#to = to;
  }

  /** Always on the same port. */
  async open(): Promise<this> {
    this.port ||= await freePort();
    const server = createServer((socket) => {
      const out = connect(this.#to, '127.0.0.1');
      for (const [one, other] of [
        [socket, out],
        [out, socket],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    return this;
  }

  close(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
