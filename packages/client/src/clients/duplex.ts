import { Duplex } from 'node:stream';
import type { CallOptions, ChannelInterface, Metadata } from '@grpc/grpc-js';
import type { GrpcCall } from '../call/listener-context.ts';
import { withCallSurface } from './call-surface.ts';
import { Incoming } from './incoming.ts';
import type { ClientMethod } from './method.ts';
import { cancelCall, openCall, sendOn } from './open-call.ts';
import { writeContext } from './write-context.ts';

/** A call with many messages both ways, with the surface that grpc-js's clients give to callers. */
export class DuplexCall<Request, Response> extends withCallSurface(Duplex) {
  call: GrpcCall | undefined;
  readonly serialize: (value: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
  readonly #incoming: Incoming<Response>;

  constructor({ serialize, deserialize }: ClientMethod<Request, Response>) {
    super({ objectMode: true });
    this.serialize = serialize;
    this.deserialize = deserialize;
    this.#incoming = new Incoming(this, deserialize);
  }

  start(channel: ChannelInterface, path: string, metadata: Metadata | undefined, options: CallOptions): this {
    this.call = openCall(channel, path, metadata, options, this.#incoming, 0, false);
    this.#incoming.begin(this.call);
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

  override _write(message: Request, encoding: string, done: () => void): void {
    if (this.call === undefined) done();
    else sendOn(this.call, this.serialize, message, writeContext(encoding, done));
  }

  override _final(done: () => void): void {
    this.call?.halfClose();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    cancelCall(this.call);
    done(error);
  }
}
