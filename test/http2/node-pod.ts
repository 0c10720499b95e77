import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { RawHeaders } from '@podwire/http2';
import type { FakeCall, FakePod } from '@podwire/http2/testing';

/** What scripts use of a call, on a fake Pod and on a real one. */
export type ScriptedCall = Pick<
  FakeCall,
  | 'path'
  | 'messages'
  | 'halfClosed'
  | 'sendHeaders'
  | 'reply'
  | 'end'
  | 'reset'
  | 'onMessage'
  | 'onHalfClose'
  | 'onCancel'
>;

/** What scripts use of a Pod. */
export interface ScriptedPod extends Pick<FakePod, 'goAway' | 'limit'> {
  onCall(call: ScriptedCall): void;
  close(): void;
}

const pairs = (raw: RawHeaders) =>
  Object.fromEntries(raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]!]] : [])));

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A server of node:http2 that takes the same scripts as a fake Pod. */
export class NodePod implements ScriptedPod {
  onCall: (call: ScriptedCall) => void = () => {};
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();

  constructor(maxConcurrentStreams: number | undefined) {
    this.#server = createServer({
      settings: maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams },
    });
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('error', () => {}).on('close', () => this.#sessions.delete(session));
    });
    this.#server.on('stream', (stream, headers) => this.onCall(new NodeCall(stream, headers[':path']!)));
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  limit(maxConcurrentStreams: number): void {
    for (const session of this.#sessions) session.settings({ maxConcurrentStreams });
  }

  goAway(errorCode = 0, debug = '', taken = 0): void {
    const lastId = taken === 0 ? 0 : 2 * taken - 1;
    for (const session of this.#sessions) session.goaway(errorCode, lastId, Buffer.from(debug));
  }

  close(): void {
    // Of a session that is destroyed, GOAWAY would come first.
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

class NodeCall implements ScriptedCall {
  readonly path: string;
  readonly messages: Buffer[] = [];
  halfClosed = false;
  onMessage: (message: Buffer) => void = () => {};
  onHalfClose: () => void = () => {};
  onCancel: (errorCode: number) => void = () => {};
  readonly #stream: ServerHttp2Stream;
  #received = Buffer.alloc(0);

  constructor(stream: ServerHttp2Stream, path: string) {
    this.#stream = stream;
    this.path = path;
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('end', () => {
      this.halfClosed = true;
      if (!stream.aborted) this.onHalfClose();
    });
    stream.on('aborted', () => this.onCancel(stream.rstCode!));
  }

  sendHeaders(headers: RawHeaders = [], httpStatus = 200): void {
    if (this.#stream.headersSent) return;
    const fields = { ':status': httpStatus, 'content-type': 'application/grpc', ...pairs(headers) };
    this.#stream.respond(fields, { waitForTrailers: true });
  }

  reply(message: Uint8Array): void {
    this.sendHeaders();
    this.#stream.write(framed(message));
  }

  end(grpcStatus: number, grpcMessage?: string, trailers: RawHeaders = []): void {
    const stream = this.#stream;
    const fields = {
      'grpc-status': String(grpcStatus),
      ...(grpcMessage !== undefined && { 'grpc-message': encodeURIComponent(grpcMessage) }),
      ...pairs(trailers),
    };
    if (!stream.headersSent) {
      const all = { ':status': 200, 'content-type': 'application/grpc', ...fields };
      return stream.respond(all, { endStream: true });
    }
    stream.once('wantTrailers', () => stream.sendTrailers(fields));
    stream.end();
  }

  reset(errorCode: number): void {
    this.#stream.close(errorCode);
  }

  #read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 5) {
      const end = 5 + this.#received.readUInt32BE(1);
      if (this.#received.length < end) return;
      const message = this.#received.subarray(5, end);
      this.#received = this.#received.subarray(end);
      this.messages.push(message);
      this.onMessage(message);
    }
  }
}
