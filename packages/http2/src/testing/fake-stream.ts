import {
  type EndCause,
  ErrorCode,
  header,
  type Peer,
  type RawHeaders,
  type Stream,
  type StreamEnd,
  type StreamHandler,
} from '../index.ts';
import type { FakeCall } from './fake-call.ts';
import type { FakeConnection } from './fake-connection.ts';

const STREAM_REFUSED: EndCause = { kind: 'stream-refused' };

type TrailersEnd = Extract<StreamEnd, { readonly kind: 'trailers' }>;

/** A call as its caller sees it. */
export class FakeStream implements Stream {
  /** Whether it was sent, so that the Pod may see it. */
  left = false;
  ended = false;
  sentBytes = 0;
  receivedBytes = 0;
  /** The calls of one connection are counted from 1. */
  readonly ordinal: number;
  readonly connection: FakeConnection;
  readonly #call: FakeCall;
  readonly #handler: StreamHandler;
  readonly #maxReceiveBytes: number;
  #closed = false;
  #wanted = 0;
  /** Messages that were ever asked for. */
  #asked = 0;
  #delivering = false;
  #replied = false;
  readonly #messages: Buffer[] = [];
  #remoteEnd: TrailersEnd | undefined;
  /** The callbacks of messages that the Pod does not read. */
  #waiting: (() => void)[] = [];

  constructor(
    connection: FakeConnection,
    call: FakeCall,
    ordinal: number,
    handler: StreamHandler,
    maxReceiveBytes: number,
  ) {
    this.connection = connection;
    this.#call = call;
    this.ordinal = ordinal;
    this.#handler = handler;
    this.#maxReceiveBytes = maxReceiveBytes;
  }

  get peer(): Peer {
    return this.connection;
  }

  sendMessage(message: Uint8Array, compressed: boolean, last: boolean, done: (() => void) | undefined): void {
    if (this.ended || this.#closed) {
      if (done !== undefined) this.connection.nextTick(done);
      return;
    }
    this.sentBytes += message.length;
    const bytes = Buffer.from(message);
    this.connection.toPod(() => this.#call.onSent(bytes, compressed));
    if (last) this.halfClose();
    if (done === undefined) return;
    if (this.#call.reads) done();
    else this.#waiting.push(done);
  }

  halfClose(): void {
    if (this.ended || this.#closed) return;
    this.#closed = true;
    this.connection.toPod(() => this.#call.onHalfClosed());
  }

  request(n: number): void {
    this.#wanted += n;
    this.#asked += n;
    if (this.ended) return;
    this.#deliver();
    // The end is never reported inside the caller's call.
    if (this.#remoteEnd !== undefined) this.connection.nextTick(() => this.#settle());
  }

  cancel(errorCode: number): void {
    if (this.ended) return;
    this.#stop();
    this.connection.toPod(() => this.#call.onReset(errorCode));
    this.connection.nextTick(() => this.#handler.onEnd({ kind: 'cancelled' }));
  }

  /** The Pod reads again. */
  onRead(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }

  onHeaders(headers: RawHeaders, httpStatus: number): void {
    if (this.ended) return;
    this.#replied = true;
    this.#handler.onHeaders(headers, httpStatus);
  }

  onMessage(message: Buffer): void {
    if (this.ended) return;
    this.#messages.push(message);
    this.#deliver();
  }

  onTrailers(end: TrailersEnd): void {
    this.#remoteEnd = end;
    this.#settle();
  }

  onReset(errorCode: number): void {
    // All of the reply is here.
    if (this.#remoteEnd !== undefined) return;
    const isRefused = errorCode === ErrorCode.REFUSED_STREAM && !this.#replied;
    this.finish(
      isRefused
        ? { kind: 'unprocessed', cause: STREAM_REFUSED, leftClient: true }
        : { kind: 'reset', errorCode },
    );
  }

  finish(end: StreamEnd): void {
    if (this.ended) return;
    this.#stop();
    this.#handler.onEnd(end);
  }

  #stop(): void {
    this.ended = true;
    for (const done of this.#waiting) this.connection.nextTick(done);
    this.connection.onStreamEnd(this);
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#wanted > 0 && !this.ended && this.#messages.length > 0) {
      const message = this.#messages.shift()!;
      const [bytes, limit] = [message.length, this.#maxReceiveBytes];
      if (limit >= 0 && bytes > limit) {
        this.connection.toPod(() => this.#call.onReset(ErrorCode.CANCEL));
        // This may run inside a call of the caller.
        this.#wanted = Number.NEGATIVE_INFINITY;
        this.connection.nextTick(() => this.finish({ kind: 'too-large', bytes, limit }));
        break;
      }
      this.#wanted -= 1;
      this.receivedBytes += bytes;
      this.#handler.onMessage(message);
    }
    this.#delivering = false;
  }

  /**
   * Reports the end, once the caller has every message. A caller that asked for one message, and for no other in this turn, hears of a
   * failure all the same.
   */
  #settle(): void {
    const end = this.#remoteEnd;
    if (end === undefined || this.#delivering || this.#wanted < 0) return;
    if (this.#messages.length === 0) return this.finish(end);
    if (this.#asked > 1 || (header(end.headers, 'grpc-status') ?? '0') === '0') return;
    this.connection.nextTick(() => {
      if (this.#asked === 1 && this.#wanted === 0) this.finish(end);
    });
  }
}
