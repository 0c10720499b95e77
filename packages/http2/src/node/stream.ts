// Long because it works round what node:http2 does differently from its documents, each with the reason beside it.
import type { ClientHttp2Stream } from 'node:http2';
import { CLOSED } from '../connection/close-cause.ts';
import type { World } from '../connection/env.ts';
import { listBytes } from '../connection/header-limit.ts';
import type { ResetPacer } from '../connection/reset-pacer.ts';
import { ErrorCode } from '../error-codes.ts';
import type { ReadResult } from '../grpc/compression.ts';
import { decompressLater } from '../grpc/compression.ts';
import { saysFailure } from '../grpc/final-status.ts';
import { frameMessage } from '../grpc/message-prefix.ts';
import { MessageReader } from '../grpc/message-reader.ts';
import type { ZlibJob } from '../grpc/zlib-job.ts';
import type { CloseCause, Peer, RawHeaders, Stream, StreamEnd, StreamHandler } from '../transport.ts';

/** RFC 9113 §6.2 */
const END_STREAM = 0x1;
const NEVER_SENT: CloseCause = { kind: 'local', detail: 'the stream was never sent' };

/** What the peer's GOAWAY said; streams above the id were not looked at, or so it says. */
export interface Goaway {
  readonly lastStreamId: number;
  readonly isError: boolean;
  readonly cause: CloseCause;
}

/** What a stream asks of its connection. */
export interface StreamOwner extends Peer {
  readonly world: World;
  /** Why the connection is gone, or undefined while it is there. */
  readonly lost: CloseCause | undefined;
  /** Its session takes part in nothing any more. */
  readonly isOver: boolean;
  readonly goaway: Goaway | undefined;
  readonly resets: Pick<ResetPacer<NodeStream>, 'reset'>;
  /** Streams that are over but for their caller. */
  readonly unread: Set<NodeStream>;
  /** The receive window of streams: what node:http2 may hold of one that is not read. */
  readonly streamWindow: number;
  readonly maxHeaderListBytes: number;
  /** So much more, or less, may lie there for callers that do not read. */
  onUnread(bytes: number): void;
  onReceived(bytes: number): void;
  onStreamEnd(): void;
  /** The peer ended a stream that is over here. */
  onPeerEnd(stream: NodeStream, reset: boolean): void;
}

/** One call on a session of node:http2. */
export class NodeStream implements Stream {
  readonly #owner: StreamOwner;
  readonly #stream: ClientHttp2Stream;
  readonly #handler: StreamHandler;
  readonly #reader: MessageReader;
  sentBytes = 0;
  receivedBytes = 0;
  #wanted = 0;
  /** Messages that were ever asked for. */
  #asked = 0;
  #paused = false;
  /** What it may hold while it is paused. */
  #unreadBytes = 0;
  #httpStatus = 0;
  /** Data that was told before the response. */
  #early: Buffer[] = [];
  /** The session ended under it. */
  #isLost = false;
  #trailers: RawHeaders | undefined;
  #ended = false;
  #delivering = false;
  readonly #maxReceiveBytes: number;
  /** A message that is inflated off the event loop: all that came behind it waits. */
  #inflating: ZlibJob | undefined;

  constructor(
    owner: StreamOwner,
    stream: ClientHttp2Stream,
    handler: StreamHandler,
    maxReceiveBytes: number,
  ) {
    this.#owner = owner;
    this.#stream = stream;
    this.#handler = handler;
    this.#maxReceiveBytes = maxReceiveBytes;
    this.#reader = new MessageReader(maxReceiveBytes);
    stream.on('response', (_headers: unknown, flags: number, raw: RawHeaders) =>
      this.#onResponse(flags, raw),
    );
    stream.on('trailers', (_headers: unknown, _flags: number, raw: RawHeaders) => this.#onTrailers(raw));
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('error', () => {});
    stream.on('close', () => this.#onClose());
  }

  get peer(): Peer {
    return this.#owner;
  }

  sendMessage(message: Uint8Array, compressed: boolean, last: boolean, done: (() => void) | undefined): void {
    const stream = this.#stream;
    if (this.#ended || stream.destroyed || stream.writableEnded) {
      if (done !== undefined) this.#owner.world.nextTick(done);
      return;
    }
    this.sentBytes += message.length;
    const pieces = frameMessage(message, compressed);
    if (pieces.length === 1) {
      if (last) stream.end(pieces[0], done);
      else stream.write(pieces[0]!, done);
      return;
    }
    stream.cork();
    stream.write(pieces[0]!);
    if (last) stream.end(pieces[1], done);
    else stream.write(pieces[1]!, done);
    stream.uncork();
  }

  halfClose(): void {
    if (!this.#ended && !this.#stream.destroyed && !this.#stream.writableEnded) this.#stream.end();
  }

  request(n: number): void {
    this.#wanted += n;
    this.#asked += n;
    if (this.#delivering || this.#ended || this.#inflating !== undefined) return;
    // Not inside the caller's call: a message that is here already is delivered on the next tick.
    if (this.#reader.partial) this.#owner.world.nextTick(() => this.#deliver());
    else this.#resume();
  }

  cancel(errorCode: number): void {
    if (this.#ended) return;
    // Nothing is delivered between now and the end.
    this.#wanted = Number.NEGATIVE_INFINITY;
    this.#close(errorCode);
    this.#owner.world.nextTick(() => this.#end({ kind: 'cancelled' }));
  }

  /** The peer is told that the stream is over. */
  reset(errorCode: number): void {
    if (!this.#stream.closed && !this.#stream.destroyed) this.#stream.close(errorCode);
  }

  #onResponse(flags: number, raw: RawHeaders): void {
    if (this.#ended) return (flags & END_STREAM) === 0 ? undefined : this.#owner.onPeerEnd(this, false);
    this.#owner.onReceived(1);
    this.#httpStatus = Number(raw[1]);
    const headers = raw.slice(2);
    if (this.#refuses(raw, (flags & END_STREAM) !== 0)) return;
    if ((flags & END_STREAM) !== 0) {
      return this.#end({ kind: 'trailers', headers, httpStatus: this.#httpStatus, trailersOnly: true });
    }
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] === 'grpc-encoding') this.#reader.encoding = headers[i + 1]!;
    }
    this.#handler.onHeaders(headers, this.#httpStatus);
    const early = this.#early;
    if (early.length === 0) return;
    this.#early = [];
    for (const chunk of early) this.#read(chunk);
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return;
    this.#owner.onReceived(chunk.length);
    // Node tells the response a tick later than the data that came with it.
    if (this.#httpStatus === 0) this.#early.push(chunk);
    else this.#read(chunk);
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    // The body of an answer that is not a gRPC reply is of no use.
    if (this.#httpStatus !== 200) return;
    this.#reader.push(chunk);
    this.#deliver();
  }

  #onTrailers(raw: RawHeaders): void {
    if (this.#ended) return this.#owner.onPeerEnd(this, false);
    this.#owner.onReceived(1);
    if (this.#refuses(raw, true)) return;
    this.#trailers = raw;
    this.#settle();
  }

  /** A list that is too large ends the call, unless it is the end and says an error. */
  #refuses(headers: RawHeaders, ends: boolean): boolean {
    const bytes = listBytes(headers);
    const limit = this.#owner.maxHeaderListBytes;
    if (bytes <= limit || (ends && saysFailure(headers))) return false;
    this.#close(ErrorCode.CANCEL);
    this.#end({ kind: 'headers-too-large', bytes, limit });
    return true;
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#wanted > 0 && !this.#ended && this.#inflating === undefined) {
      const result = this.#reader.next();
      if (result === undefined) break;
      if (result.kind === 'message') {
        this.#wanted -= 1;
        this.receivedBytes += this.#reader.messageBytes;
        this.#handler.onMessage(Buffer.from(result.message));
      } else if (result.kind === 'later') {
        this.#inflate(result);
      } else {
        this.#close(ErrorCode.CANCEL);
        this.#end(result.kind === 'invalid' ? { kind: 'protocol-error', reason: result.reason } : result);
      }
    }
    this.#delivering = false;
    if (this.#ended) return;
    if (this.#wanted > 0 && this.#inflating === undefined) this.#resume();
    else this.#pause();
    if (this.#trailers !== undefined) this.#settle();
  }

  #inflate(message: Extract<ReadResult, { kind: 'later' }>): void {
    const compressed = Buffer.from(message.compressed);
    this.#inflating = decompressLater({ ...message, compressed }, this.#maxReceiveBytes, (result) => {
      this.#inflating = undefined;
      // It was cancelled, and will be told so.
      if (this.#wanted <= 0) return;
      if (result.kind === 'message') {
        this.#wanted -= 1;
        this.receivedBytes += compressed.length;
        this.#handler.onMessage(result.message as Buffer);
        return this.#deliver();
      }
      this.#close(ErrorCode.CANCEL);
      if (result.kind === 'too-large') this.#end(result);
      else if (result.kind === 'invalid') this.#end({ kind: 'protocol-error', reason: result.reason });
    });
  }

  /** Ends the call in order once the trailers are there and every message was delivered. */
  #settle(): void {
    const headers = this.#trailers;
    if (this.#ended || headers === undefined || this.#inflating !== undefined) return;
    const isUnread = this.#stream.readableLength > 0;
    // All of it is here, and comes by way of `#onData`.
    if (isUnread && !this.#stream.destroyed) return void this.#stream.read();
    if (this.#wanted <= 0 && this.#reader.ready) return this.#awaitReader(headers);
    // The bytes received are not a message and never will be; the server's status says more than that.
    // Node throws away what a stream still held when it was destroyed.
    if ((this.#reader.partial || isUnread) && !saysFailure(headers)) {
      return this.#end({ kind: 'protocol-error', reason: 'the stream ended in the middle of a message' });
    }
    this.#finish(headers);
  }

  /** As podwire's own transport does it. */
  #awaitReader(headers: RawHeaders): void {
    if (this.#asked > 1 || !saysFailure(headers)) return;
    this.#owner.world.setImmediate(() => {
      if (this.#asked === 1 && this.#wanted === 0 && !this.#ended) this.#finish(headers);
    });
  }

  #finish(headers: RawHeaders): void {
    this.#end({ kind: 'trailers', headers, httpStatus: this.#httpStatus, trailersOnly: false });
  }

  #onClose(): void {
    if (this.#ended) return this.#owner.onPeerEnd(this, true);
    const { rstCode, id } = this.#stream;
    if (this.#trailers !== undefined) return this.#waitForReader();
    // No frame closed it, whatever code node:http2 gives it.
    this.#isLost = this.#owner.isOver;
    // GOAWAY's last id and the reason of a lost connection are told after the streams were closed.
    this.#owner.world.setImmediate(() => {
      const end = this.#whyClosed(rstCode, id);
      if (end.kind !== 'trailers') return this.#end(end);
      this.#trailers = end.headers;
      this.#waitForReader();
    });
  }

  /** All of the reply is here, and the caller has not asked for some of it. */
  #waitForReader(): void {
    this.#settle();
    if (!this.#ended) this.#owner.unread.add(this);
  }

  /** The connection is gone, and with it the streams that might have asked for the rest. */
  onConnectionClosed(cause: CloseCause): void {
    this.#end({ kind: 'connection-lost', cause });
  }

  #whyClosed(rstCode: number | undefined, id: number | undefined): StreamEnd {
    const { lost, goaway } = this.#owner;
    if (id === undefined) return { kind: 'unprocessed', cause: lost ?? NEVER_SENT, leftClient: false };
    if (goaway !== undefined && id > goaway.lastStreamId) {
      // As in own/connection.ts; what has left is not known here.
      const { isError, cause } = goaway;
      return isError ? { kind: 'connection-lost', cause } : { kind: 'unprocessed', cause, leftClient: true };
    }
    if (this.#isLost || lost !== undefined) return { kind: 'connection-lost', cause: lost ?? CLOSED };
    if (rstCode === ErrorCode.REFUSED_STREAM && this.#httpStatus === 0) {
      return { kind: 'unprocessed', cause: { kind: 'stream-refused' }, leftClient: true };
    }
    const errorCode = rstCode ?? ErrorCode.NO_ERROR;
    // Headers and perhaps a body, and no trailers: an answer that is not a gRPC reply. Without headers there is no answer at all.
    if (errorCode === ErrorCode.NO_ERROR && this.#httpStatus !== 0)
      return { kind: 'trailers', headers: [], httpStatus: this.#httpStatus, trailersOnly: false };
    return { kind: 'reset', errorCode };
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stream.pause();
    this.#unreadBytes = this.#owner.streamWindow;
    this.#owner.onUnread(this.#unreadBytes);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume();
    this.#release();
  }

  #release(): void {
    if (this.#unreadBytes === 0) return;
    this.#owner.onUnread(-this.#unreadBytes);
    this.#unreadBytes = 0;
  }

  /**
   * The server is done; whatever the client still meant to send is of no use (RFC 9113 §8.1). Servers count resets, so that one is sent
   * only where something waits for a window that the server will not open any more.
   */
  #endRequest(): void {
    const stream = this.#stream;
    if (stream.writableEnded || stream.closed || stream.destroyed) return;
    if (stream.writableLength === 0) stream.end();
    else this.#close(ErrorCode.NO_ERROR);
  }

  #close(errorCode: number): void {
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    this.#owner.resets.reset(this, errorCode, stream.writableEnded, false);
  }

  #end(end: StreamEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#trailers !== undefined || end.kind === 'trailers') this.#endRequest();
    this.#inflating?.cancel();
    this.#inflating = undefined;
    this.#owner.unread.delete(this);
    this.#release();
    this.#owner.onStreamEnd();
    this.#handler.onEnd(end);
    // What is left to read, or comes until the peer knows, must not hold the stream open, or memory.
    if (!this.#stream.destroyed) this.#stream.resume();
  }
}
