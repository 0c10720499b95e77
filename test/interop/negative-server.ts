import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  frame,
  frameReader,
  message,
  okHeaders,
  settings,
  TYPE,
  trailers,
  uint32,
} from '../http2/frames.mjs';
import { encodeReply } from './client.ts';
import { zeros } from './payloads.ts';

/** https://github.com/grpc/grpc/blob/master/doc/negative-http2-interop-test-descriptions.md */
export type NegativeCase =
  | 'goaway'
  | 'rst_after_header'
  | 'rst_during_data'
  | 'rst_after_data'
  | 'ping'
  | 'max_streams'
  | 'data_frame_padding';

const ACK = 1;
const END_STREAM = 1;
const PADDED = 8;
const INITIAL_WINDOW_SIZE = 4;
const MAX_CONCURRENT_STREAMS = 3;
const FRAME_BYTES = 16_384;
const reply = message(Buffer.concat([encodeReply({ payload: zeros(314_159) })]));

/** A stream whose reply is on its way. */
interface Reply {
  readonly id: number;
  window: number;
  sent: number;
  readonly until: number;
  readonly then: () => void;
}

/** One connection as the server sees it. */
export class NegativeConnection {
  readonly streamIds: number[] = [];
  /** Sent, and not answered. */
  outstandingPings = 0;
  pingsSent = 0;
  open = 0;
  /** The most streams that were open at once after the client knew the limit. */
  peak = 0;
  closed = false;
  readonly #case: NegativeCase;
  readonly #socket: Socket;
  readonly #replies = new Map<number, Reply>();
  #initialWindow = 65_535;
  #window = 65_535;
  #limited = false;

  constructor(socket: Socket, testCase: NegativeCase) {
    this.#socket = socket;
    this.#case = testCase;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on(
      'data',
      frameReader((received: Received) => this.#onFrame(received)),
    );
    this.#write(settings());
  }

  #write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  #onFrame({ type, flags, streamId, payload }: Received): void {
    if (type === TYPE.SETTINGS) {
      if ((flags & ACK) !== 0) return;
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) === INITIAL_WINDOW_SIZE)
          this.#setInitialWindow(payload.readUInt32BE(at + 2));
      }
      this.#write(frame(TYPE.SETTINGS, ACK, 0));
    } else if (type === TYPE.WINDOW) {
      const open = this.#replies.get(streamId);
      if (streamId === 0) this.#window += payload.readUInt32BE(0);
      else if (open !== undefined) open.window += payload.readUInt32BE(0);
      for (const waiting of this.#replies.values()) this.#pump(waiting);
    } else if (type === TYPE.HEADERS) {
      this.streamIds.push(streamId);
      this.open += 1;
      if (this.#limited) this.peak = Math.max(this.peak, this.open);
    } else if (type === TYPE.DATA) {
      if (payload.length > 0) {
        this.#write(frame(TYPE.WINDOW, 0, 0, uint32(payload.length)));
        this.#write(frame(TYPE.WINDOW, 0, streamId, uint32(payload.length)));
      }
      // Not at once, so that a client which breaks the limit has the time to.
      if ((flags & END_STREAM) !== 0) setImmediate(() => this.#answer(streamId));
    } else if (type === TYPE.PING) {
      if ((flags & ACK) !== 0) this.outstandingPings -= 1;
      else this.#write(frame(TYPE.PING, ACK, 0, payload));
    }
  }

  #setInitialWindow(bytes: number): void {
    for (const open of this.#replies.values()) {
      open.window += bytes - this.#initialWindow;
      this.#pump(open);
    }
    this.#initialWindow = bytes;
  }

  #answer(id: number): void {
    const reset = () => this.#write(frame(TYPE.RST, 0, id, uint32(0)));
    const end = () => {
      this.open -= 1;
      this.#ping();
      this.#write(trailers(id));
    };
    this.#ping();
    if (this.#case === 'goaway' && this.streamIds.length === 1) {
      this.#write(frame(TYPE.GOAWAY, 0, 0, uint32(id, 0)));
    }
    if (this.#case === 'max_streams' && !this.#limited) {
      this.#limited = true;
      this.#write(settings([MAX_CONCURRENT_STREAMS, 1]));
    }
    this.#write(okHeaders(id));
    this.#ping();
    if (this.#case === 'rst_after_header') return reset();
    const until = this.#case === 'rst_during_data' ? reply.length >> 1 : reply.length;
    const then = this.#case.startsWith('rst_') ? reset : end;
    const sending = { id, window: this.#initialWindow, sent: 0, until, then };
    this.#replies.set(id, sending);
    this.#pump(sending);
  }

  /** Sends what the windows allow. */
  #pump(sending: Reply): void {
    const padding = this.#case === 'data_frame_padding' ? 200 : 0;
    const overhead = padding > 0 ? padding + 1 : 0;
    while (sending.sent < sending.until) {
      const room = Math.min(this.#window, sending.window, FRAME_BYTES) - overhead;
      const count = Math.min(room, sending.until - sending.sent);
      if (count <= 0) return;
      const body = reply.subarray(sending.sent, sending.sent + count);
      const padded =
        overhead > 0 ? Buffer.concat([Buffer.from([padding]), body, Buffer.alloc(padding)]) : body;
      this.#write(frame(TYPE.DATA, overhead > 0 ? PADDED : 0, sending.id, padded));
      this.#window -= padded.length;
      sending.window -= padded.length;
      sending.sent += count;
      if (sending.sent < reply.length / 2) this.#ping();
    }
    this.#replies.delete(sending.id);
    sending.then();
  }

  #ping(): void {
    if (this.#case !== 'ping') return;
    this.outstandingPings += 1;
    this.pingsSent += 1;
    this.#write(frame(TYPE.PING, 0, 0, Buffer.alloc(8, 7)));
  }
}

interface Received {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer<ArrayBuffer>;
}

/** An interop server that answers large_unary, and misbehaves as one case says. */
export class NegativeServer {
  readonly connections: NegativeConnection[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(testCase: NegativeCase) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      this.connections.push(new NegativeConnection(socket, testCase));
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
