import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';

/** What the server does with one call; sent to it as a header. */
export interface ServerScript {
  readonly httpStatus: 200 | 404 | 503;
  readonly trailersOnly: boolean;
  readonly encoding: 'identity' | 'gzip' | 'deflate';
  readonly messages: readonly { readonly bytes: number; readonly compressed: boolean }[];
  /** The body is written in pieces of this size. */
  readonly pieceBytes: number;
  readonly end: 'trailers' | 'reset' | 'no-trailers' | 'truncated';
  readonly errorCode: number;
  /** Replies when the request is there whole, and says what it was. */
  readonly readFirst: boolean;
  readonly metadata: readonly string[];
}

/** Speaks whatever {@link ServerScript} the header x-script holds. */
export class ScriptedServer {
  readonly #server: Http2Server;

  constructor() {
    this.#server = createServer();
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      const script = JSON.parse(String(headers['x-script'])) as ServerScript;
      let received = 0;
      let sum = 0;
      stream.on('data', (chunk: Buffer) => {
        received += chunk.length;
        for (const byte of chunk) sum = (sum * 31 + byte) >>> 0;
      });
      if (script.readFirst) stream.once('end', () => reply(stream, script, `${received}/${sum}`));
      else reply(stream, script, 'unread');
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function reply(stream: ServerHttp2Stream, script: ServerScript, request: string): void {
  const { httpStatus, encoding, end, errorCode } = script;
  if (stream.destroyed || stream.closed) return;
  const headers: Record<string, string | number> = {
    ':status': httpStatus,
    'content-type': 'application/grpc',
    'grpc-encoding': encoding,
  };
  for (const [i, value] of script.metadata.entries()) headers[`x-meta-${i}`] = value;
  if (script.trailersOnly) {
    stream.respond({ ...headers, 'grpc-status': '5' }, { endStream: true });
    return;
  }
  stream.respond(headers, { waitForTrailers: end === 'trailers' || end === 'truncated' });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-request': request }));
  const body = bodyOf(script);
  for (let at = 0; at < body.length; at += script.pieceBytes) {
    stream.write(body.subarray(at, at + script.pieceBytes));
  }
  if (end === 'reset') stream.write(Buffer.alloc(0), () => stream.close(errorCode));
  else stream.end();
}

function bodyOf({ messages, encoding, end }: ServerScript): Buffer {
  const pieces: Buffer[] = [];
  for (const [i, { bytes, compressed }] of messages.entries()) {
    const message = Buffer.alloc(bytes, `m${i}`);
    const marked = compressed && encoding !== 'identity';
    const payload = !marked ? message : encoding === 'gzip' ? gzipSync(message) : deflateSync(message);
    const prefix = Buffer.alloc(5);
    prefix[0] = marked ? 1 : 0;
    prefix.writeUInt32BE(payload.length, 1);
    pieces.push(prefix, payload);
  }
  if (end === 'truncated') pieces.push(Buffer.from([0, 0, 0, 1, 0, 1, 2]));
  return Buffer.concat(pieces);
}
