import type { Socket } from 'node:net';
import { type Connection, type ConnectionOptions, closeText, type Transport } from '@podwire/http2';
import { connect, inWords } from './connect.ts';
import { type Frame, FramePeer } from './frame-peer.ts';

const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };

/** A connection to a peer that sends SETTINGS, and beyond that only what the test makes it send. */
export class RawPeer {
  /** What the peer received, preface aside. */
  readonly frames: Frame[] = [];
  closed: string | undefined;
  connection!: Connection;
  #peer!: FramePeer;

  static async start(transport: Transport, options?: Partial<ConnectionOptions>): Promise<RawPeer> {
    const raw = new RawPeer();
    raw.#peer = await FramePeer.listen((frame) => raw.frames.push(frame));
    await new Promise<void>((resolve) => {
      raw.connection = connect(transport, raw.#peer.port, options, {
        onReady: resolve,
        onClosed(cause) {
          raw.closed = cause === undefined ? 'in order' : closeText(cause);
        },
      });
    });
    return raw;
  }

  get socket(): Socket {
    return this.#peer.socket;
  }

  /** Opens a call that asks for so many messages; what becomes of it. */
  call(wanted = 1) {
    const seen = { messages: [] as Buffer[], end: undefined as object | undefined };
    const stream = this.connection.open(
      { method, headers: [], maxReceiveBytes: 4 << 20 },
      {
        onHeaders() {},
        onMessage: (message) => seen.messages.push(message),
        onEnd(end) {
          seen.end = inWords(end);
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
    await this.#peer.close();
  }
}
