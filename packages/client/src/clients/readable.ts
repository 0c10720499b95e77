import { Readable } from 'node:stream';
import type { CallOptions, ChannelInterface, Metadata } from '@grpc/grpc-js';
import type { GrpcCall } from '../call/listener-context.ts';
import { withCallSurface } from './call-surface.ts';
import { Incoming } from './incoming.ts';
import type { ClientMethod } from './method.ts';
import { cancelCall, openCall, sendOn } from './open-call.ts';

/** A call with one message there and many back, with the surface that grpc-js's clients give to callers. */
export class ReadableCall<Response> extends withCallSurface(Readable) {
  call: GrpcCall | undefined;
  readonly deserialize: (bytes: Buffer) => Response;
  readonly #incoming: Incoming<Response>;

  constructor(deserialize: (bytes: Buffer) => Response) {
    super({ objectMode: true });
    this.deserialize = deserialize;
    this.#incoming = new Incoming(this, deserialize);
  }

  start<Request>(
    channel: ChannelInterface,
    method: ClientMethod<Request, Response>,
    message: Request,
    metadata: Metadata | undefined,
    options: CallOptions,
  ): this {
    const call = openCall(channel, method.path, metadata, options, this.#incoming, 0, true);
    this.call = call;
    this.#incoming.begin(call);
    sendOn(call, method.serialize, message, {});
    call.halfClose();
    return this;
  }

  override _read(): void {
    this.#incoming.read();
  }

  /** Asks for more with each read. Node itself calls `_read` no more until a message comes, however much the reader takes meanwhile. */
  override read(size?: number): unknown {
    const message: unknown = super.read(size);
    if (message !== null) this.#incoming.read();
    return message;
  }

  /** A caller that stops reading early, for example with `break` in a `for await`, does not want the rest. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    cancelCall(this.call);
    done(error);
  }
}
