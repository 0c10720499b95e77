// Long because it works round what node:http2 does differently from its documents, each with the reason beside it.
import type { ClientHttp2Stream } from 'node:http2';
import { CLOSED } from '../connection/close-cause.ts';
import type { World } from '../connection/env.ts';
import { listBytes } from '../connection/header-limit.ts';
import type { ResetPacer } from '../connection/reset-pacer.ts';
import type { Suspicion } from '../connection/suspicion.ts';
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

/** The peer's GOAWAY. By its own account the peer has not looked at streams above the id. */
export interface Goaway {
  readonly lastStreamId: number;
  readonly isError: boolean;
  readonly cause: CloseCause;
}

/** The connection, as far as its streams need it. */
export interface StreamOwner extends Peer {
  readonly world: World;
  /** Why the connection is gone, or undefined while it is there. */
  readonly lost: CloseCause | undefined;
  /** Whether its session has ended. */
  readonly isOver: boolean;
  readonly goaway: Goaway | undefined;
  readonly resets: Pick<ResetPacer<NodeStream>, 'reset'>;
  /** Streams that are over for the peer, while their callers have not read everything. */
  readonly unread: Set<NodeStream>;
  /** The receive window of streams: the most that node:http2 may hold of a stream that is not read. */
  readonly streamWindow: number;
  readonly maxHeaderListBytes: number;
  readonly lastReadMs: number;
  readonly suspicion: Suspicion | undefined;
  /** Counts bytes that may lie unread for callers; negative when they are freed. */
  onUnread(bytes: number): void;
  onReceived(bytes: number): void;
  onStreamEnd(stream: NodeStream): void;
  /** The peer ended a stream that is over here. */
  onPeerEnd(stream: NodeStream, reset: boolean): void;
}

/** One call on a session of node:http2. */
export class NodeStream implements Stream {
  readonly #owner: StreamOwner;
  readonly #stream: ClientHttp2Stream;
  readonly #handler: StreamHandler;
  readonly #reader: MessageReader;
  /** Whether it is no call: then its silence means nothing. */
  isBackground = false;
  /** Whether the request is complete and nothing of the reply is here. */
  #isOwed = false;
  sentBytes = 0;
  receivedBytes = 0;
  #wanted = 0;
  /** Messages that were ever asked for. */
  #asked = 0;
  #paused = false;
  /** The bytes that the stream may hold while it is paused. */
  #unreadBytes = 0;
  #httpStatus = 0;
  /** Data that node:http2 delivered before the response. */
  #early: Buffer[] = [];
  /** The session ended while the stream was open. */
  #isLost = false;
  #trailers: RawHeaders | undefined;
  #ended = false;
  #delivering = false;
  readonly #maxReceiveBytes: number;
  /** A message that is being inflated off the event loop; everything behind it waits. */
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
    if (last) this.#owe();
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
    if (this.#ended || this.#stream.destroyed || this.#stream.writableEnded) return;
    this.#stream.end();
    this.#owe();
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
    // From now on no message is delivered, only the end.
    this.#wanted = Number.NEGATIVE_INFINITY;
    this.#close(errorCode);
    this.#owner.world.nextTick(() => this.#end({ kind: 'cancelled' }));
  }

  /** Tells the peer that the stream is over. */
  reset(errorCode: number): void {
    if (!this.#stream.closed && !this.#stream.destroyed) this.#stream.close(errorCode);
  }

  #onResponse(flags: number, raw: RawHeaders): void {
    if (this.#ended) return (flags & END_STREAM) === 0 ? undefined : this.#owner.onPeerEnd(this, false);
    this.#owner.onReceived(1);
    if (this.#isOwed) this.#settleDebt(this.#owner.lastReadMs);
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
    // Node reports the response a tick later than the data that came with it.
    if (this.#httpStatus === 0) this.#early.push(chunk);
    else this.#read(chunk);
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    // The answer is not a gRPC reply, so its body is dropped.
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

  /** Ends the call if the header list is too large, unless it is the last one and reports an error. */
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
      // It was cancelled; its end follows.
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
    // All bytes are here; they arrive through `#onData`.
    if (isUnread && !this.#stream.destroyed) return void this.#stream.read();
    if (this.#wanted <= 0 && this.#reader.ready) return this.#awaitReader(headers);
    // The bytes received are not a message and never will be; the server's status says more than that.
    // Node drops the bytes that a stream still held when it was destroyed.
    if ((this.#reader.partial || isUnread) && !saysFailure(headers)) {
      return this.#end({ kind: 'protocol-error', reason: 'the stream ended in the middle of a message' });
    }
    this.#finish(headers);
  }

  /** Like the method of the same name in podwire's own transport. */
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
    // No frame closed the stream, whatever code node:http2 reports.
    this.#isLost = this.#owner.isOver;
    // node:http2 reports GOAWAY's last id and the cause of a lost connection only after it has closed the streams.
    this.#owner.world.setImmediate(() => {
      const end = this.#whyClosed(rstCode, id);
      if (end.kind !== 'trailers') return this.#end(end);
      this.#trailers = end.headers;
      this.#waitForReader();
    });
  }

  /** All of the reply is here, but the caller has not asked for all of it. */
  #waitForReader(): void {
    this.#settle();
    if (!this.#ended) this.#owner.unread.add(this);
  }

  /** The connection is gone, so the streams that still wait for their readers end, too. */
  onConnectionClosed(cause: CloseCause): void {
    this.#end({ kind: 'connection-lost', cause });
  }

  #whyClosed(rstCode: number | undefined, id: number | undefined): StreamEnd {
    const { lost, goaway } = this.#owner;
    if (id === undefined) return { kind: 'unprocessed', cause: lost ?? NEVER_SENT, leftClient: false };
    if (goaway !== undefined && id > goaway.lastStreamId) {
      // As in own/connection.ts, except that this transport does not know which streams have left.
      const { isError, cause } = goaway;
      return isError ? { kind: 'connection-lost', cause } : { kind: 'unprocessed', cause, leftClient: true };
    }
    if (this.#isLost || lost !== undefined) return { kind: 'connection-lost', cause: lost ?? CLOSED };
    if (rstCode === ErrorCode.REFUSED_STREAM && this.#httpStatus === 0) {
      return { kind: 'unprocessed', cause: { kind: 'stream-refused' }, leftClient: true };
    }
    const errorCode = rstCode ?? ErrorCode.NO_ERROR;
    // Headers and perhaps a body, but no trailers: the answer is not a gRPC reply. Without headers there is no answer at all.
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
   * The server is done, and needs nothing of what the client still meant to send (RFC 9113 §8.1). Servers count resets, so a reset is sent
   * only where data waits for a window that the server will not open any more.
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

  #owe(): void {
    const { suspicion } = this.#owner;
    if (suspicion === undefined || this.isBackground || this.#httpStatus !== 0) return;
    this.#isOwed = true;
    suspicion.owe();
  }

  #settleDebt(atMs: number | undefined): void {
    this.#isOwed = false;
    this.#owner.suspicion?.settle(atMs);
  }

  #end(end: StreamEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#isOwed) this.#settleDebt(undefined);
    if (this.#trailers !== undefined || end.kind === 'trailers') this.#endRequest();
    this.#inflating?.cancel();
    this.#inflating = undefined;
    this.#owner.unread.delete(this);
    this.#release();
    this.#owner.onStreamEnd(this);
    this.#handler.onEnd(end);
    // Bytes that are unread, or arrive until the peer knows, must hold neither the stream open nor memory.
    if (!this.#stream.destroyed) this.#stream.resume();
  }
}
