import { constants, createServer, type Http2Server, type ServerHttp2Stream, type Settings } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';

/** What the server does with one call; sent to it as a header. */
export interface ServerScript {
  readonly httpStatus: 200 | 404 | 503;
  readonly trailersOnly: boolean;
  readonly encoding: 'identity' | 'gzip' | 'deflate';
  readonly messages: readonly { readonly bytes: number; readonly compressed: boolean }[];
  /** The body is written in pieces of this size, at most 500 of them. */
  readonly pieceBytes: number;
  /** Replies to the head, to the whole request, or with a message to each message. */
  readonly pace: 'at-once' | 'after-request' | 'echo';
  readonly end:
    | 'trailers'
    | 'no-trailers'
    /** Half a message, then trailers. */
    | 'truncated'
    /** A message that is marked as compressed and is not, then trailers. */
    | 'not-compressed'
    /** RST_STREAM behind the body, or instead of any reply. */
    | 'reset'
    | 'reset-at-once'
    /** GOAWAY before the body, then trailers. */
    | 'goaway'
    /** GOAWAY with the error code behind the body, and the end of the connection. */
    | 'goaway-error'
    /** Never ends. */
    | 'hang'
    /** Ends the connection behind the body. */
    | 'hang-up';
  readonly errorCode: number;
  readonly grpcStatus: number;
  readonly grpcMessage: string;
  readonly metadata: readonly string[];
  /** Values of `-bin` metadata. */
  readonly binary: readonly (readonly number[])[];
}

const PREFIX_BYTES = 5;
const MAX_PIECES = 500;

/** Speaks whatever {@link ServerScript} the header x-script holds. */
export class ScriptedServer {
  readonly #server: Http2Server;
  readonly #sockets = new Set<Socket>();

  /** `padded`: frames have padding as far as they have room for it. */
  constructor(settings: Settings = {}, padded = false) {
    this.#server = createServer({
      settings,
      paddingStrategy: padded ? constants.PADDING_STRATEGY_MAX : constants.PADDING_STRATEGY_NONE,
      maxHeaderListPairs: 1_000,
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('session', (session) => session.on('error', () => {}));
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      converse(stream, JSON.parse(decodeURIComponent(String(headers['x-script']))) as ServerScript);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function converse(stream: ServerHttp2Stream, script: ServerScript): void {
  const request = { bytes: 0, sum: 0 };
  const messages = script.messages.map((message) => encode(message, script.encoding));
  const finish = () => end(stream, script, messages.splice(0), `${request.bytes}/${request.sum}`);
  if (script.end === 'reset-at-once') return stream.close(script.errorCode);
  if (script.pace !== 'after-request' && !respond(stream, script, 'unread')) return;
  let buffered = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    request.bytes += chunk.length;
    for (const byte of chunk) request.sum = (request.sum * 31 + byte) >>> 0;
    if (script.pace !== 'echo') return;
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= PREFIX_BYTES && buffered.length >= PREFIX_BYTES + buffered.readUInt32BE(1)) {
      buffered = buffered.subarray(PREFIX_BYTES + buffered.readUInt32BE(1));
      const next = messages.shift();
      if (next !== undefined) write(stream, next, script.pieceBytes);
    }
  });
  if (script.pace === 'at-once') finish();
  else {
    stream.once('end', () => {
      if (script.pace === 'echo' || respond(stream, script, `${request.bytes}/${request.sum}`)) finish();
    });
  }
}

/** Sends the head; false when that was all. */
function respond(stream: ServerHttp2Stream, script: ServerScript, request: string): boolean {
  if (stream.destroyed || stream.closed) return false;
  const { httpStatus, encoding, trailersOnly, metadata, binary } = script;
  const headers: Record<string, string | number | string[]> = {
    ':status': httpStatus,
    'content-type': 'application/grpc',
    'grpc-encoding': encoding,
    'x-repeated': ['a', 'b, c', request],
  };
  for (const [i, value] of metadata.entries()) headers[`x-meta-${i}`] = value;
  for (const [i, bytes] of binary.entries()) headers[`x-meta-${i}-bin`] = base64(bytes);
  if (trailersOnly) stream.respond({ ...headers, ...statusOf(script) }, { endStream: true });
  else stream.respond(headers, { waitForTrailers: script.end !== 'no-trailers' && script.end !== 'reset' });
  return !trailersOnly;
}

function end(
  stream: ServerHttp2Stream,
  script: ServerScript,
  rest: readonly Buffer[],
  request: string,
): void {
  if (stream.destroyed || stream.closed) return;
  stream.on('wantTrailers', () => {
    const values = script.binary.map(base64);
    stream.sendTrailers({ ...statusOf(script), 'x-request': request, 'x-end-bin': values });
  });
  if (script.end === 'goaway') stream.session?.goaway(0);
  const last =
    script.end === 'truncated'
      ? [Buffer.from([0, 0, 0, 1, 0, 1, 2])]
      : script.end === 'not-compressed'
        ? [Buffer.from([1, 0, 0, 0, 3, 1, 2, 3])]
        : [];
  write(stream, Buffer.concat([...rest, ...last]), script.pieceBytes);
  if (script.end === 'reset') stream.write(Buffer.alloc(0), () => stream.close(script.errorCode));
  else if (script.end === 'hang-up') stream.write(Buffer.alloc(0), () => stream.session?.destroy());
  else if (script.end === 'goaway-error') stream.write(Buffer.alloc(0), () => endFor(stream, script));
  else if (script.end !== 'hang') stream.end();
}

function endFor({ session }: ServerHttp2Stream, { errorCode, grpcMessage }: ServerScript): void {
  session?.goaway(errorCode, 0x7fffffff, Buffer.from(grpcMessage));
  // Once it has been written.
  setImmediate(() => setImmediate(() => session?.destroy()));
}

function write(stream: ServerHttp2Stream, bytes: Buffer, pieceBytes: number): void {
  const piece = Math.max(pieceBytes, Math.ceil(bytes.length / MAX_PIECES));
  for (let at = 0; at < bytes.length; at += piece) stream.write(bytes.subarray(at, at + piece));
}

function statusOf({ grpcStatus, grpcMessage }: ServerScript): Record<string, string> {
  return {
    'grpc-status': String(grpcStatus),
    ...(grpcMessage !== '' && {
      'grpc-message': grpcMessage === '%' ? '%' : encodeURIComponent(grpcMessage),
    }),
  };
}

const base64 = (bytes: readonly number[]) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

function encode({ bytes, compressed }: ServerScript['messages'][number], encoding: string): Buffer {
  const message = Buffer.alloc(bytes, `m${bytes}`);
  const marked = compressed && encoding !== 'identity';
  const payload = !marked ? message : encoding === 'gzip' ? gzipSync(message) : deflateSync(message);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix[0] = marked ? 1 : 0;
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]);
}
