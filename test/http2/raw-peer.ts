import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Connection, ConnectionOptions, StreamEnd, Transport } from '@podwire/http2';
import { frameReader, settings } from './frames.mjs';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const OPTIONS = {
  host: '127.0.0.1',
  tls: undefined,
  connectTimeoutMs: 5_000,
  keepaliveTimeMs: 0,
  keepaliveTimeoutMs: 100,
  keepaliveWithoutCalls: false,
  maxHeaderListBytes: 16_384,
};
const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };

/** A connection to a peer that sends SETTINGS, and beyond that only what the test makes it send. */
export class RawPeer {
  /** What the peer received, preface aside. */
  readonly frames: Frame[] = [];
  closed: string | undefined;
  connection!: Connection;
  socket!: Socket;
  readonly #server = createServer((socket) => {
    this.socket = socket.setNoDelay(true).on('error', () => {});
    socket.write(settings());
    socket.on(
      'data',
      frameReader((frame: Frame) => this.frames.push(frame)),
    );
  });

  static async start(transport: Transport, options: Partial<ConnectionOptions> = {}): Promise<RawPeer> {
    const peer = new RawPeer();
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    const { port } = peer.#server.address() as AddressInfo;
    await new Promise<void>((resolve) => {
      peer.connection = transport.connect(
        { ...OPTIONS, ...options, port },
        {
          onReady: resolve,
          onDraining() {},
          onRoom() {},
          onClosed(error) {
            peer.closed = error?.message ?? 'in order';
          },
        },
      );
    });
    return peer;
  }

  /** Opens a call that asks for so many messages; what becomes of it. */
  call(wanted = 1) {
    const seen = { messages: [] as Buffer[], end: undefined as StreamEnd | undefined };
    const stream = this.connection.open(
      { method, headers: [], maxReceiveBytes: 4 << 20 },
      {
        onHeaders() {},
        onMessage: (message) => seen.messages.push(message),
        onEnd(end) {
          seen.end = end;
        },
      },
    )!;
    if (wanted > 0) stream.request(wanted);
    return { stream, seen };
  }

  ofType(type: number): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  async close(): Promise<void> {
    this.connection.destroy('the test is over');
    this.socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
