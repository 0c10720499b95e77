import { EventEmitter } from 'node:events';
import type { CallOptions, ChannelInterface, Metadata, requestCallback } from '@grpc/grpc-js';
import type { GrpcCall } from '../call/listener-context.ts';
import { withCallSurface } from './call-surface.ts';
import type { ClientMethod } from './method.ts';
import { openCall, sendOn } from './open-call.ts';
import { READS, SingleReply } from './single-reply.ts';

const NO_CONTEXT = {};

/** A call with one message each way, with the surface that grpc-js's clients give to callers. */
export class UnaryCall extends withCallSurface(EventEmitter) {
  call: GrpcCall | undefined;

  start<Request, Response>(
    channel: ChannelInterface,
    { path, serialize, deserialize }: ClientMethod<Request, Response>,
    message: Request,
    metadata: Metadata | undefined,
    options: CallOptions,
    callback: requestCallback<Response>,
  ): this {
    const reply = new SingleReply(this, deserialize, callback);
    const call = openCall(channel, path, metadata, options, reply, READS, true);
    this.call = call;
    reply.call = call;
    sendOn(call, serialize, message, NO_CONTEXT);
    call.halfClose();
    return this;
  }
}
