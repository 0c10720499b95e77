import { Client, type requestCallback } from '@grpc/grpc-js';
import { withCallback, withoutCallback } from './arguments.ts';
import { DuplexCall } from './duplex.ts';
import type { ClientMethod } from './method.ts';
import { type RequestName, wantsInterceptors } from './original.ts';
import { ReadableCall } from './readable.ts';
import { UnaryCall } from './unary.ts';
import { WritableCall } from './writable.ts';

type AnyMethod = ClientMethod<unknown, unknown>;

/** Makes a call of one kind with the caller's arguments; undefined when its options name interceptors. */
export type Request = (
  client: Client,
  method: AnyMethod,
  a: unknown,
  b: unknown,
  c: unknown,
  d: unknown,
) => unknown;

/** Taken from the prototype, because a service may have an RPC called GetChannel, which replaces the client's own method. */
const { getChannel } = Client.prototype;

/** One message there and one back. */
const unary: Request = (client, method, message, a, b, c) => {
  const { metadata, options, callback } = withCallback<requestCallback<unknown>>(a, b, c);
  if (wantsInterceptors(options)) return undefined;
  return new UnaryCall().start(getChannel.call(client), method, message, metadata, options, callback);
};

/** Many messages there and one back. */
const clientStream: Request = (client, method, a, b, c) => {
  const { metadata, options, callback } = withCallback<requestCallback<unknown>>(a, b, c);
  if (wantsInterceptors(options)) return undefined;
  return new WritableCall(method, callback).start(getChannel.call(client), method.path, metadata, options);
};

/** One message there and many back. */
const serverStream: Request = (client, method, message, a, b) => {
  const { metadata, options } = withoutCallback(a, b);
  if (wantsInterceptors(options)) return undefined;
  return new ReadableCall(method.deserialize).start(
    getChannel.call(client),
    method,
    message,
    metadata,
    options,
  );
};

/** Many messages both ways. */
const bidiStream: Request = (client, method, a, b) => {
  const { metadata, options } = withoutCallback(a, b);
  if (wantsInterceptors(options)) return undefined;
  return new DuplexCall(method).start(getChannel.call(client), method.path, metadata, options);
};

/** The kinds of calls by the name of the method of grpc-js's `Client` that does the same. */
export const REQUESTS: Readonly<Record<RequestName, Request>> = {
  makeUnaryRequest: unary,
  makeClientStreamRequest: clientStream,
  makeServerStreamRequest: serverStream,
  makeBidiStreamRequest: bidiStream,
};

/** The kind of a method's calls. */
export function requestFor(method: {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}): Request {
  if (method.requestStream) return method.responseStream ? bidiStream : clientStream;
  return method.responseStream ? serverStream : unary;
}
