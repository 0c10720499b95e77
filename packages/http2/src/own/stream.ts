// Long because a stream is one object of every call: what can be apart (sending, windows, the message buffer) is.
import type { World } from '../connection/env.ts';
import type { Suspicion } from '../connection/suspicion.ts';
import { ErrorCode } from '../error-codes.ts';
import type { ReadResult } from '../grpc/compression.ts';
import { decompressLater } from '../grpc/compression.ts';
import { saysFailure } from '../grpc/final-status.ts';
import { PREFIX_BYTES } from '../grpc/message-prefix.ts';
import type { ZlibJob } from '../grpc/zlib-job.ts';
import type { Peer, Stream, StreamEnd, StreamHandler } from '../transport.ts';
import { Windowed, type WindowHost } from './flow/windowed.ts';
import { Cost } from './frames/flood-guard.ts';
import { NO_STATUS, type ResponseBlock } from './headers/response-block.ts';
import { MessageBuffer } from './message-buffer.ts';
import { Outgoing } from './outgoing.ts';

/** The connection, as far as its streams need it. */
export interface StreamHost extends Peer, WindowHost {
  readonly world: World;
  readonly maxHeaderListBytes: number;
  /** When something was received last: now, in a callback of the stream. */
  readonly lastReadMs: number;
  readonly suspicion: Suspicion | undefined;
  /** Counts useless work that the peer causes. */
  spend(cost: number): void;
  /** The stream ended here; `errorCode` is for RST_STREAM, unless the peer has ended it in order. */
  onStreamEnd(stream: OwnStream, errorCode: number | undefined, isHalfClosed: boolean): void;
}

/** Ends a stream that the peer does not know, or has reset itself. */
export const NO_RESET = -1;
/** Whether these bytes make up most of the memory that they lie in. */
function isMostOf(bytes: Uint8Array): boolean {
  return bytes.length * 2 >= bytes.buffer.byteLength;
}

/** Up to this size a loop is as fast as `copy`, which makes an object. */
const SHORT_BYTES = 128;

/** DATA frames smaller than this that complete no message look like a flood. */
const TINY_BYTES = 16;

/** The end of a stream that ended with DATA, without trailers. */
const NO_TRAILERS: TrailersEnd = { kind: 'trailers', headers: [], httpStatus: 200, trailersOnly: false };

const REFUSED: StreamEnd = {
  kind: 'unprocessed',
  cause: { kind: 'stream-refused' },
  leftClient: true,
};

type TrailersEnd = Extract<StreamEnd, { readonly kind: 'trailers' }>;
type ReadFailure = Exclude<ReadResult, { readonly kind: 'message' | 'later' }>;

/** One call: a stream of HTTP/2 with messages of gRPC in it. */
export class OwnStream extends Windowed implements Stream {
  /** Used by the stream table alone. */
  nextInTable: OwnStream | undefined;
  readonly #host: StreamHost;
  readonly #handler: StreamHandler;
  readonly #maxReceiveBytes: number;
  readonly #out: Outgoing;
  sentBytes = 0;
  receivedBytes = 0;
  /** Whether it is no call: then its silence means nothing. */
  isBackground = false;
  /** Whether the request is complete and nothing of the reply is here. */
  #isOwed = false;
  #wanted = 0;
  /** Messages that were ever asked for. */
  #asked = 0;
  #delivering = false;
  /** The final response headers. */
  #response: ResponseBlock | undefined;
  #bodyBytes = 0;
  /** How the peer ended the stream. */
  #remoteEnd: TrailersEnd | undefined;
  /** Why no more messages can be delivered; the handler may not have been told yet. */
  #failure: ReadFailure | undefined;
  /** Bytes that were received and could not be delivered at once. */
  #buffer: MessageBuffer | undefined;
  /** A message that is being inflated off the event loop; everything behind it waits. */
  #inflating: ZlibJob | undefined;
  constructor(host: StreamHost, id: number, handler: StreamHandler, maxReceiveBytes: number) {
    super(host, id);
    this.#host = host;
    this.#handler = handler;
    this.#maxReceiveBytes = maxReceiveBytes;
    this.#out = new Outgoing(host.sender, id);
  }

  get peer(): Peer {
    return this.#host;
  }

  sendMessage(message: Uint8Array, compressed: boolean, last: boolean, done: (() => void) | undefined): void {
    if (!this.ended && !this.#out.closed) {
      this.sentBytes += message.length;
      this.#out.send(message, compressed, last, done);
      if (last) this.#owe();
    } else if (done !== undefined) this.#host.world.nextTick(done);
  }

  halfClose(): void {
    if (this.ended || this.#out.closed) return;
    this.#out.close();
    this.#owe();
  }

  request(n: number): void {
    if (this.#asked === 0 && !this.ended) this.begin();
    this.#wanted += n;
    this.#asked += n;
    if (this.#delivering || this.ended || this.#failure !== undefined) return;
    // Before the headers there is nothing to deliver or to free.
    if (this.#inflating !== undefined || this.#response === undefined) return;
    if (this.#buffer === undefined) return this.#free();
    this.#deliver(this.#response);
    // The end is never reported inside the caller's call.
    if (this.#failure === undefined && this.#remoteEnd === undefined) this.#free();
    else this.#host.world.nextTick(() => this.#conclude());
  }

  cancel(errorCode: number): void {
    if (this.ended) return;
    this.#stop(errorCode);
    this.#host.world.nextTick(() => this.#handler.onEnd({ kind: 'cancelled' }));
  }

  /** Adds send window, because of WINDOW_UPDATE or a changed setting. False when the window would be larger than the limit. */
  addSendWindow(bytes: number): boolean {
    return this.#out.addWindow(bytes);
  }

  onBlock(block: ResponseBlock, endStream: boolean): void {
    const { status, headers, malformed, tooLargeBytes } = block;
    if (this.#remoteEnd !== undefined) return this.#breakAfterEnd('HEADERS');
    if (malformed !== undefined) return this.#break(`malformed headers: ${malformed}`);
    if (tooLargeBytes !== undefined && !(endStream && saysFailure(headers))) {
      const limit = this.#host.maxHeaderListBytes;
      const code = endStream ? undefined : ErrorCode.CANCEL;
      return this.finish({ kind: 'headers-too-large', bytes: tooLargeBytes, limit }, code);
    }
    if (this.#response !== undefined) {
      if (status !== NO_STATUS || !endStream) return this.#break('headers in the middle of a stream');
      return this.#onRemoteEnd(this.#response, block.end);
    }
    if (status < 200 && (status >= 100 || status === NO_STATUS)) {
      this.#host.spend(Cost.IDLE_FRAME);
      if (status === NO_STATUS || status === 101 || endStream)
        this.#break('a response without a final :status');
      return;
    }
    this.#response = block;
    if (this.#isOwed) this.#settleDebt(this.#host.lastReadMs);
    if (endStream) {
      if (block.contentLength > 0) return this.#break('a body that is shorter than its content-length');
      return this.finish({ kind: 'trailers', headers, httpStatus: status, trailersOnly: true });
    }
    this.#handler.onHeaders(headers, status);
  }

  /** A piece of a DATA frame, of which flow control counts `counted` bytes. */
  onData(source: Buffer, start: number, end: number, counted: number, endStream: boolean): void {
    this.take(counted);
    const response = this.#response;
    if (response === undefined) return this.#break('DATA before headers');
    if (this.#remoteEnd !== undefined) return this.#breakAfterEnd('DATA');
    this.#bodyBytes += end - start;
    if (this.#failure !== undefined) return this.#conclude();
    if (start < end && response.status === 200) this.#onBody(response, source, start, end, endStream);
    // The answer is not a gRPC reply, so its body is dropped.
    else if (start === end && !endStream) this.#host.spend(Cost.IDLE_FRAME);
    else if (end - start < TINY_BYTES && !endStream) this.#host.spend(Cost.TINY_DATA);
    if (this.ended) return;
    if (endStream) this.#onRemoteEnd(response, NO_TRAILERS);
    if (!this.ended) this.#free();
  }

  #onBody(response: ResponseBlock, source: Buffer, start: number, end: number, endStream: boolean): void {
    const before = this.#wanted;
    let at = start;
    while (at < end && !this.ended) {
      if (this.#buffer === undefined) {
        this.#delivering = true;
        if (this.#reads) at = this.#deliverWhole(source, at, end);
        this.#delivering = false;
        if (at === end || this.ended) return;
        this.#buffer = new MessageBuffer(this.#maxReceiveBytes);
      }
      // No more than the first message needs, so that its memory can be given away with it.
      const count = this.#reads ? Math.min(end - at, this.#buffer.missing) : end - at;
      this.#buffer.push(source, at, at + count, this.#reads);
      at += count;
      if (this.#reads) this.#deliver(response);
      if (this.#failure !== undefined) return this.#conclude();
    }
    if (!this.#reads) return;
    if (end - start < TINY_BYTES && !endStream && this.#wanted === before) this.#host.spend(Cost.TINY_DATA);
  }

  /** Delivers copies of the messages that lie whole in the read bytes; returns the position behind them. */
  #deliverWhole(source: Buffer, start: number, end: number): number {
    let at = start;
    while (this.#wanted > 0 && end - at >= PREFIX_BYTES && source[at] === 0) {
      const length = source.readUInt32BE(at + 1);
      const next = at + PREFIX_BYTES + length;
      if (next > end || (this.#maxReceiveBytes >= 0 && length > this.#maxReceiveBytes)) break;
      this.#wanted -= 1;
      this.receivedBytes += length;
      const message = Buffer.allocUnsafe(length);
      const from = at + PREFIX_BYTES;
      if (length > SHORT_BYTES) source.copy(message, 0, from, next);
      else for (let i = 0; i < length; i++) message[i] = source[from + i]!;
      this.#handler.onMessage(message);
      at = next;
      if (this.ended) return end;
    }
    return at;
  }

  /** Delivers the messages that were asked for, unless the stream has failed. */
  #deliver({ encoding }: ResponseBlock): void {
    this.#delivering = true;
    while (this.#reads && this.#buffer !== undefined) {
      const result = this.#buffer.next(encoding);
      if (result?.kind === 'later') {
        this.#inflate(result);
        break;
      }
      if (result?.kind !== 'message') {
        this.#failure = result;
        break;
      }
      this.#wanted -= 1;
      this.receivedBytes += this.#buffer.messageBytes;
      // The buffer has let go of memory that it collected for this message alone.
      const isOwned = this.#buffer.isEmpty && isMostOf(result.message);
      if (this.#buffer.isEmpty) this.#buffer = undefined;
      this.#handler.onMessage(isOwned ? (result.message as Buffer) : Buffer.from(result.message));
    }
    this.#delivering = false;
  }

  /** Whether the caller gets the next message as soon as it is here. */
  get #reads(): boolean {
    return this.#wanted > 0 && this.#inflating === undefined;
  }

  #inflate(message: Extract<ReadResult, { kind: 'later' }>): void {
    const buffer = this.#buffer!;
    const isOwned = buffer.isEmpty && isMostOf(message.compressed);
    if (buffer.isEmpty) this.#buffer = undefined;
    const compressed = isOwned ? message.compressed : Buffer.from(message.compressed);
    this.#inflating = decompressLater({ ...message, compressed }, this.#maxReceiveBytes, (result) => {
      this.#inflating = undefined;
      if (result.kind === 'message') {
        this.#wanted -= 1;
        this.receivedBytes += compressed.length;
        this.#delivering = true;
        this.#handler.onMessage(result.message as Buffer);
        this.#delivering = false;
        if (!this.ended) this.#deliver(this.#response!);
      } else if (result.kind !== 'later') this.#failure = result;
      this.#conclude();
    });
  }

  /** After messages were delivered: goes on reading, or ends the stream. */
  #conclude(): void {
    if (this.ended) return;
    if (this.#failure !== undefined) this.finish(asEnd(this.#failure), ErrorCode.CANCEL);
    else if (this.#remoteEnd === undefined) this.#free();
    else this.#settle(this.#remoteEnd);
  }

  protected get missingBytes(): number {
    return this.#reads && this.#buffer !== undefined ? this.#buffer.missing : 0;
  }

  protected get isOpen(): boolean {
    return this.#remoteEnd === undefined;
  }

  #free(): void {
    this.free(this.#buffer !== undefined && !this.#reads);
  }

  #onRemoteEnd({ status, contentLength }: ResponseBlock, end: TrailersEnd): void {
    if (contentLength >= 0 && contentLength !== this.#bodyBytes) {
      return this.#break('a body of another length than its content-length');
    }
    this.#remoteEnd = status === 200 ? end : { ...end, httpStatus: status };
    this.#settle(this.#remoteEnd);
  }

  /** Ends the call in order once the trailers are there and every message was delivered. */
  #settle(end: TrailersEnd): void {
    const buffer = this.#buffer;
    if (this.#inflating !== undefined) return;
    if (buffer === undefined) return this.finish(end);
    if (this.#delivering) return;
    if (this.#wanted === 0 && buffer.holdsMessage) return this.#awaitReader(end);
    // The bytes received are not a message and never will be; the server's status says more than that.
    if (saysFailure(end.headers)) return this.finish(end);
    const result = buffer.next(this.#response!.encoding);
    if (result?.kind === 'too-large' || result?.kind === 'invalid') return this.finish(asEnd(result));
    this.#break('the stream ended in the middle of a message', undefined);
  }

  /**
   * There are messages that the caller has not asked for. The reader of a streaming method will ask, and gets them before the end. A caller
   * that asked for one message, and for no other within this turn, has a unary method: it is told of the failure, as with grpc-js.
   */
  #awaitReader(end: TrailersEnd): void {
    if (this.#asked > 1 || !saysFailure(end.headers)) return;
    this.#host.sender.afterFlush(() => {
      if (this.#asked === 1 && this.#wanted === 0) this.finish(end);
    });
  }

  onReset(errorCode: number): void {
    // All of the reply is here. With this reset the server says that it needs no more of the request (RFC 9113 §8.1).
    if (this.#remoteEnd !== undefined) return this.#out.drop();
    if (errorCode === ErrorCode.REFUSED_STREAM && this.#response === undefined) {
      return this.finish(REFUSED, NO_RESET);
    }
    this.finish({ kind: 'reset', errorCode }, NO_RESET);
  }

  #break(reason: string, errorCode: number | undefined = ErrorCode.PROTOCOL_ERROR): void {
    this.finish({ kind: 'protocol-error', reason }, errorCode);
  }

  /** RFC 9113 §5.1, "half-closed (remote)". */
  #breakAfterEnd(what: string): void {
    this.#break(`${what} after the end of the stream`, ErrorCode.STREAM_CLOSED);
  }

  /** The peer's frames broke the stream's rules. */
  fail(errorCode: number, reason: string): void {
    this.#break(reason, errorCode);
  }

  /**
   * Ends the call; never inside a call of the caller into the stream. Without an error code, the peer has ended the stream in order, and
   * our side ends it in order as well, without the rest of the request. A failure that was found earlier and not reported yet takes
   * precedence over `end`.
   */
  finish(end: StreamEnd, errorCode?: number): void {
    if (this.ended) return;
    this.#stop(errorCode);
    this.#handler.onEnd(this.#failure === undefined ? end : asEnd(this.#failure));
  }

  #owe(): void {
    const { suspicion } = this.#host;
    if (suspicion === undefined || this.isBackground || this.#response !== undefined) return;
    this.#isOwed = true;
    suspicion.owe();
  }

  #settleDebt(atMs: number | undefined): void {
    this.#isOwed = false;
    this.#host.suspicion?.settle(atMs);
  }

  #stop(errorCode: number | undefined): void {
    this.ended = true;
    if (this.#isOwed) this.#settleDebt(undefined);
    this.#buffer = undefined;
    this.#inflating?.cancel();
    this.#inflating = undefined;
    this.release();
    const isHalfClosed = this.#out.finished;
    this.#out.drop();
    // The peer is done and needs no more of the request. An empty frame ends it as well as a reset would, and servers count resets.
    if (errorCode === undefined && !isHalfClosed) this.#host.sender.endStream(this.id);
    this.#host.onStreamEnd(this, errorCode === NO_RESET ? undefined : errorCode, isHalfClosed);
  }
}

function asEnd(failure: ReadFailure): StreamEnd {
  return failure.kind === 'invalid' ? { kind: 'protocol-error', reason: failure.reason } : failure;
}
