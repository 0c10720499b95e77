import { type CallOptions, type ChannelInterface, Metadata, status as Status } from '@grpc/grpc-js';
import { messageOf } from '@podwire/core';
import { Call } from '../call/call.ts';
import type { GrpcCall, GrpcListener } from '../call/listener-context.ts';

const WHY = 'Cancelled on client';

/**
 * Creates and starts a call by a client's options, and asks for `reads` messages. `isWhole`: the message and the half-close
 * follow at once.
 */
export function openCall(
  channel: ChannelInterface,
  path: string,
  metadata: Metadata | undefined,
  options: CallOptions,
  listener: GrpcListener,
  reads: number,
  isWhole: boolean,
): GrpcCall {
  const { deadline, host, parent, credentials } = options;
  const call = channel.createCall(
    path,
    deadline ?? Number.POSITIVE_INFINITY,
    host,
    parent ?? null,
    options.propagate_flags,
  );
  if (credentials) call.setCredentials(credentials);
  // podwire's own call takes undefined for no metadata. Any other call, or one whose methods were replaced, needs an object.
  if (call.start === Call.prototype.start && call.startRead === Call.prototype.startRead)
    (call as Call).start(metadata, listener, reads, isWhole);
  else {
    call.start(metadata ?? new Metadata(), listener);
    for (let i = 0; i < reads; i++) call.startRead();
  }
  return call;
}

/** Cancels a call of any kind, for its caller. */
export function cancelCall(call: GrpcCall | undefined): void {
  call?.cancelWithStatus(Status.CANCELLED, WHY);
}

/** Serializes and sends; a message that can't be serialized ends the call. */
export function sendOn<Request>(
  call: GrpcCall,
  serialize: (value: Request) => Buffer,
  message: Request,
  context: Parameters<GrpcCall['sendMessageWithContext']>[0],
): void {
  let bytes: Buffer;
  try {
    bytes = serialize(message);
  } catch (error) {
    // Cancelled first: the callback may write the next message, which must not be sent without this one.
    call.cancelWithStatus(Status.INTERNAL, `Request message serialization failure: ${messageOf(error)}`);
    return context.callback?.();
  }
  call.sendMessageWithContext(context, bytes);
}

/** The status of a call whose reply can't be parsed, in grpc-js's words. */
export function parsingError(error: unknown): string {
  return `Response message parsing error: ${messageOf(error)}`;
}
