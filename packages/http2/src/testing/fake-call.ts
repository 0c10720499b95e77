import type { RawHeaders, StreamHead } from '../index.ts';
import type { FakeStream } from './fake-stream.ts';

const CONTENT_TYPE: RawHeaders = ['content-type', 'application/grpc'];

/** A call as the Pod sees it. The caller hears the Pod's answers `latencyMs` later, and none once the call is over for it. */
export class FakeCall {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly authority: string;
  /** All headers that were sent, beginning with those that the method's calls have in common. */
  readonly headers: RawHeaders;
  /** The messages that arrived. */
  readonly messages: Buffer[] = [];
  /** For each message, whether it is compressed as `grpc-encoding` says. It arrives as it was sent. */
  readonly compressed: boolean[] = [];
  /** The caller sends no more messages. */
  halfClosed = false;
  /** The error code of the caller's RST_STREAM. */
  resetCode: number | undefined;
  onMessage: (message: Buffer) => void = () => {};
  onHalfClose: () => void = () => {};
  onCancel: (errorCode: number) => void = () => {};
  #stream!: FakeStream;
  #reads = true;
  #replied = false;
  #over = false;

  constructor({ method, headers }: StreamHead) {
    this.path = method.path;
    this.authority = method.authority;
    this.headers = [...method.headers, ...headers];
  }

  /** While it is false, the caller is held back: no message that it sends is done until this is true again. */
  get reads(): boolean {
    return this.#reads;
  }

  set reads(reads: boolean) {
    this.#reads = reads;
    if (reads) this.#stream.connection.toClient(() => this.#stream.onRead());
  }

  /** Sends initial headers; `reply` sends them by itself. */
  sendHeaders(headers: RawHeaders = [], httpStatus = 200): void {
    if (this.#replied || this.#over) return;
    this.#replied = true;
    this.#say(() => this.#stream.onHeaders([...CONTENT_TYPE, ...headers], httpStatus));
  }

  /** Sends one message, not compressed. */
  reply(message: Uint8Array): void {
    if (this.#over) return;
    this.sendHeaders();
    const bytes = Buffer.from(message);
    this.#say(() => this.#stream.onMessage(bytes));
  }

  /** Ends the call in order: with trailers only, if nothing was sent before. */
  end(grpcStatus: number, grpcMessage?: string, trailers: RawHeaders = []): void {
    if (this.#over) return;
    this.#over = true;
    const trailersOnly = !this.#replied;
    const status = ['grpc-status', String(grpcStatus)];
    if (grpcMessage !== undefined) status.push('grpc-message', encodeURIComponent(grpcMessage));
    const headers = [...(trailersOnly ? CONTENT_TYPE : []), ...status, ...trailers];
    this.#say(() => this.#stream.onTrailers({ kind: 'trailers', headers, httpStatus: 200, trailersOnly }));
  }

  /** Resets the call with an `ErrorCode`. */
  reset(errorCode: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#say(() => this.#stream.onReset(errorCode));
  }

  /** @internal */
  attach(stream: FakeStream): void {
    this.#stream = stream;
  }

  /** @internal */
  onSent(message: Buffer, compressed: boolean): void {
    this.messages.push(message);
    this.compressed.push(compressed);
    if (!this.#over) this.onMessage(message);
  }

  /** @internal */
  onHalfClosed(): void {
    this.halfClosed = true;
    if (!this.#over) this.onHalfClose();
  }

  /** @internal */
  onReset(errorCode: number): void {
    this.resetCode = errorCode;
    const { onCancel } = this;
    if (!this.#over) onCancel(errorCode);
    this.#over = true;
  }

  #say(fn: () => void): void {
    this.#stream.connection.toClient(fn);
  }
}
