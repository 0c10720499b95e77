import { Writable } from 'node:stream';
import type { CallOptions, ChannelInterface, Metadata, requestCallback } from '@grpc/grpc-js';
import type { GrpcCall } from '../call/listener-context.ts';
import { withCallSurface } from './call-surface.ts';
import type { ClientMethod } from './method.ts';
import { cancelCall, openCall, sendOn } from './open-call.ts';
import { READS, SingleReply } from './single-reply.ts';
import { writeContext } from './write-context.ts';

/** A call with many messages there and one back, with the surface that grpc-js's clients give to callers. */
export class WritableCall<Request, Response> extends withCallSurface(Writable) {
  call: GrpcCall | undefined;
  readonly serialize: (value: Request) => Buffer;
  readonly #reply: SingleReply<Response>;

  constructor(
    { serialize, deserialize }: ClientMethod<Request, Response>,
    callback: requestCallback<Response>,
  ) {
    super({ objectMode: true });
    this.serialize = serialize;
    this.#reply = new SingleReply(this, deserialize, callback);
  }

  start(channel: ChannelInterface, path: string, metadata: Metadata | undefined, options: CallOptions): this {
    this.call = openCall(channel, path, metadata, options, this.#reply, READS, false);
    this.#reply.call = this.call;
    return this;
  }

  override _write(message: Request, encoding: string, done: () => void): void {
    if (this.call === undefined) done();
    else sendOn(this.call, this.serialize, message, writeContext(encoding, done));
  }

  override _final(done: () => void): void {
    this.call?.halfClose();
    done();
  }

  /** Node also destroys a stream that has finished, whose reply is still to come. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.writableFinished) cancelCall(this.call);
    done(error);
  }
}
