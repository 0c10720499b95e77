import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { frame, frameReader, settings, TYPE, uint32 } from './frames.mjs';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const INITIAL_WINDOW_SIZE = 4;
const MAX_WINDOW_BYTES = 0x7fffffff;
/** SETTINGS do not move the connection's window, which begins at 65 535. */
const OPEN_WINDOWS = Buffer.concat([
  settings([INITIAL_WINDOW_SIZE, MAX_WINDOW_BYTES]),
  frame(TYPE.WINDOW, 0, 0, uint32(MAX_WINDOW_BYTES - 65_535)),
]);

/** A peer that begins with SETTINGS, then says what a test writes, and shows it the frames that come. */
export class FramePeer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections taken so far, and the newest of them. */
  connections = 0;
  socket!: Socket;

  private constructor(onFrame: (frame: Frame) => void) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.socket = socket;
      this.#sockets.add(socket);
      socket
        .setNoDelay()
        .on('data', frameReader(onFrame))
        .on('error', () => {})
        .once('close', () => this.#sockets.delete(socket))
        .write(settings());
    });
  }

  static async listen(onFrame: (frame: Frame) => void): Promise<FramePeer> {
    const peer = new FramePeer(onFrame);
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Takes all that comes. */
  openWindows(): void {
    this.write(OPEN_WINDOWS);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
