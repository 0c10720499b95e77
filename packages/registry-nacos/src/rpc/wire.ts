import type { Clock, Timer } from '@podwire/core';
import {
  type Connection,
  type ConnectionOptions,
  ErrorCode,
  type MethodHead,
  type Stream,
  type StreamEnd,
  type Transport,
  USER_AGENT,
} from '@podwire/http2';
import { NacosError } from '../error.ts';
import { decodePayload, type Payload } from './payload.ts';

/** Larger than any list a server of the default limits can hold in memory for one service: about 100 000 instances. */
const MAX_RECEIVE_BYTES = 64 * 1024 * 1024;
/** How many pushes may be on their way at a time. */
const PUSH_WINDOW = 64;

const HEADERS = ['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', USER_AGENT];

/** The two gRPC methods of Nacos on one HTTP/2 connection. */
export class Wire {
  readonly server: string;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #connection: Connection;
  readonly #unary: MethodHead;
  readonly #stream: MethodHead;
  readonly #onClosed: (reason: string) => void;
  #closed: string | undefined;
  #ready: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(
    transport: Transport,
    options: ConnectionOptions,
    env: {
      readonly clock: Clock;
      readonly timeoutMs: number;
      /** It takes no more requests, and stays open. */
      readonly onDraining: (reason: string) => void;
      readonly onClosed: (reason: string) => void;
    },
  ) {
    this.#clock = env.clock;
    this.#timeoutMs = env.timeoutMs;
    this.#onClosed = env.onClosed;
    this.server = `${options.host}:${options.port}`;
    const authority = this.server;
    this.#unary = { path: '/Request/request', authority, headers: HEADERS };
    this.#stream = { path: '/BiRequestStream/requestBiStream', authority, headers: HEADERS };
    this.#connection = transport.connect(options, {
      onReady: () => this.#ready?.resolve(),
      onDraining: (reason) => env.onDraining(reason),
      onClosed: (error) => this.#end(error?.message ?? 'the connection was closed'),
      onRoom: () => {},
    });
  }

  /** Resolves when the connection is ready for requests. */
  ready(): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(new NacosError(this.#closed));
    if (this.#connection.state === 'ready') return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
  }

  /** One request and its response; rejects with a {@link NacosError} within the time limit. */
  async request(type: string, message: Uint8Array): Promise<Payload> {
    let stream: Stream | undefined;
    let timer: Timer | undefined;
    try {
      return await new Promise<Payload>((resolve, reject) => {
        const fail = (reason: string) => reject(new NacosError(`${type} to ${this.server}: ${reason}`));
        timer = this.#clock.after(this.#timeoutMs, () => fail(`no answer in ${this.#timeoutMs} ms`));
        let reply: Payload | undefined;
        stream = this.#open(this.#unary, {
          onMessage: (payload) => {
            reply = payload;
          },
          onEnd: (reason) => (reply === undefined ? fail(reason) : resolve(reply)),
        });
        if (stream === undefined) return fail(this.#closed ?? 'no stream can be opened');
        stream.request(2);
        stream.sendMessage(message, false, true, undefined);
      });
    } finally {
      timer?.cancel();
      stream?.cancel(ErrorCode.CANCEL);
    }
  }

  /** Opens the stream that pushes come on; its end ends the wire. Returns what sends on it. */
  openStream(onPush: (payload: Payload) => void): (message: Uint8Array) => void {
    const stream = this.#open(this.#stream, {
      onMessage: (payload) => {
        stream?.request(1);
        onPush(payload);
      },
      onEnd: (reason) => this.destroy(`the stream of pushes ended: ${reason}`),
    });
    if (stream === undefined) throw new NacosError(this.#closed ?? `${this.server}: no stream can be opened`);
    stream.request(PUSH_WINDOW);
    return (message) => stream.sendMessage(message, false, false, undefined);
  }

  destroy(reason: string): void {
    this.#end(reason);
    this.#connection.destroy(reason);
  }

  #open(
    method: MethodHead,
    on: { onMessage: (payload: Payload) => void; onEnd: (reason: string) => void },
  ): Stream | undefined {
    return this.#connection.open(
      { method, headers: [], maxReceiveBytes: MAX_RECEIVE_BYTES },
      {
        onHeaders: () => {},
        onMessage: (message) => {
          try {
            on.onMessage(decodePayload(message));
          } catch (error) {
            this.destroy((error as Error).message);
          }
        },
        onEnd: (end) => on.onEnd(describe(end)),
      },
    );
  }

  #end(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = `${this.server}: ${reason}`;
    this.#ready?.reject(new NacosError(this.#closed));
    this.#onClosed(reason);
  }
}

function describe(end: StreamEnd): string {
  switch (end.kind) {
    case 'trailers': {
      const at = (name: string) => end.headers.findIndex((value, i) => i % 2 === 0 && value === name);
      const status = end.headers[at('grpc-status') + 1];
      if (at('grpc-status') < 0)
        return `HTTP status ${end.httpStatus} without a gRPC status: is it Nacos's gRPC port?`;
      return status === '0' ? 'it ended without an answer' : `gRPC status ${status}`;
    }
    case 'reset':
      return `the stream was reset with HTTP/2 error ${end.errorCode}`;
    case 'too-large':
      return `a message of ${end.bytes} bytes exceeds the limit of ${end.limit}`;
    case 'headers-too-large':
      return `headers of ${end.bytes} bytes exceed the limit of ${end.limit}`;
    case 'cancelled':
      return 'it was cancelled';
    default:
      return end.reason;
  }
}
