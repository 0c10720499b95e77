import type { Clock, Timer } from '@podwire/core';
import { closeText } from './connection/close-cause.ts';
import { ErrorCode } from './error-codes.ts';
import { header } from './grpc/header.ts';
import { USER_AGENT } from './grpc/user-agent.ts';
import type {
  CloseCause,
  Connection,
  ConnectionOptions,
  MethodHead,
  Stream,
  StreamEnd,
  Transport,
} from './transport.ts';

const HEADERS = ['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', USER_AGENT];

/** Why an exchange with a peer failed. */
export class GrpcPeerError extends Error {
  override readonly name = 'GrpcPeerError';
}

/** What a {@link GrpcPeer} needs beside its connection. */
export interface GrpcPeerOptions {
  /** For time limits. */
  readonly clock: Clock;
  /** The largest message; a larger one ends its stream. */
  readonly maxReceiveBytes: number;
  /** A hint that is added to the error for an answer that is not gRPC. */
  readonly notGrpcHint?: string;
  /** The peer takes no more requests on this connection, which stays open for those under way. */
  readonly onDraining: (cause: CloseCause) => void;
  /** Called once: the connection is over. */
  readonly onClosed: (cause: CloseCause) => void;
}

/** Receives the messages and the end of a stream. */
export interface PeerStreamListener {
  /** One whole message. */
  onMessage(message: Buffer): void;
  /** Called once, in words. */
  onEnd(reason: string): void;
}

/** A stream of messages to the peer. */
export interface PeerStream {
  /** Sends one message; after the end of the stream it does nothing. */
  send(message: Uint8Array): void;
  /** Ends the stream; `onEnd` is called. */
  cancel(): void;
}

/**
 * gRPC with one server over one connection, without a registry, a policy or retries: for podwire's own requests, to Nacos for
 * example. It never reconnects; the user makes a new one.
 */
export class GrpcPeer {
  /** `host:port`. */
  readonly address: string;
  readonly #options: GrpcPeerOptions;
  readonly #connection: Connection;
  readonly #heads = new Map<string, MethodHead>();
  #closed: string | undefined;
  #ready: { resolve: () => void; reject: (error: GrpcPeerError) => void } | undefined;

  constructor(transport: Transport, connection: ConnectionOptions, options: GrpcPeerOptions) {
    this.#options = options;
    this.address = `${connection.host}:${connection.port}`;
    this.#connection = transport.connect(connection, {
      onReady: () => this.#ready?.resolve(),
      onDraining: (cause) => options.onDraining(cause),
      onClosed: (cause) => this.#end(cause ?? { kind: 'local', detail: 'the connection was closed' }),
      onRoom: () => {},
    });
  }

  /** Resolves when the connection takes requests; rejects with {@link GrpcPeerError} when it never will. */
  ready(): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(new GrpcPeerError(this.#closed));
    if (this.#connection.state === 'ready') return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
  }

  /** One request and its one reply; rejects with {@link GrpcPeerError}, after `timeoutMs` at the latest. */
  async unary(path: string, message: Uint8Array, timeoutMs: number): Promise<Buffer> {
    let stream: Stream | undefined;
    let timer: Timer | undefined;
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        const fail = (reason: string) => reject(new GrpcPeerError(reason));
        timer = this.#options.clock.after(timeoutMs, () => fail(`no answer in ${timeoutMs} ms`));
        let reply: Buffer | undefined;
        const listener = {
          onMessage: (received: Buffer) => {
            reply = received;
          },
          onEnd: (reason: string) => (reply === undefined ? fail(reason) : resolve(reply)),
        };
        stream = this.#open(path, listener, 2);
        if (stream === undefined) return fail(this.#closed ?? 'no stream can be opened');
        stream.sendMessage(message, false, true, undefined);
      });
    } finally {
      timer?.cancel();
      stream?.cancel(ErrorCode.CANCEL);
    }
  }

  /** Opens a stream on which up to `window` messages may be on their way at a time. Throws {@link GrpcPeerError} when it cannot. */
  openStream(path: string, listener: PeerStreamListener, window: number): PeerStream {
    const stream = this.#open(path, listener, window);
    if (stream === undefined)
      throw new GrpcPeerError(this.#closed ?? `${this.address}: no stream can be opened`);
    return {
      send: (message) => stream.sendMessage(message, false, false, undefined),
      cancel: () => stream.cancel(ErrorCode.CANCEL),
    };
  }

  /** Closes the connection now; streams end. */
  destroy(reason: string): void {
    this.#end({ kind: 'local', detail: reason });
    this.#connection.destroy(reason);
  }

  #open(path: string, listener: PeerStreamListener, window: number): Stream | undefined {
    const { maxReceiveBytes } = this.#options;
    const stream = this.#connection.open(
      { method: this.#head(path), headers: [], maxReceiveBytes },
      {
        onHeaders: () => {},
        onMessage: (message) => {
          stream?.request(1);
          listener.onMessage(message);
        },
        onEnd: (end) => listener.onEnd(this.#describe(end)),
      },
    );
    stream?.request(window);
    return stream;
  }

  /** The head of every request of a method. It is made once, so that the connection encodes it once. */
  #head(path: string): MethodHead {
    let head = this.#heads.get(path);
    if (head === undefined) {
      head = { path, authority: this.address, headers: HEADERS };
      this.#heads.set(path, head);
    }
    return head;
  }

  #end(cause: CloseCause): void {
    if (this.#closed !== undefined) return;
    this.#closed = `${this.address}: ${closeText(cause)}`;
    this.#ready?.reject(new GrpcPeerError(this.#closed));
    this.#options.onClosed(cause);
  }

  #describe(end: StreamEnd): string {
    switch (end.kind) {
      case 'trailers': {
        const status = header(end.headers, 'grpc-status');
        if (status === undefined) {
          const { notGrpcHint } = this.#options;
          return `HTTP status ${end.httpStatus} without a gRPC status${notGrpcHint === undefined ? '' : `: ${notGrpcHint}`}`;
        }
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
      case 'protocol-error':
        return end.reason;
      default:
        return closeText(end.cause);
    }
  }
}
