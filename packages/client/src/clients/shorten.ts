import type { ChannelInterface, Client, requestCallback, ServiceDefinition } from '@grpc/grpc-js';
import { withCallback, withoutCallback } from './arguments.ts';
import type { ClientClass } from './create-client.ts';
import { DuplexCall } from './duplex.ts';
import { isWrapped, wantsInterceptors } from './long-way.ts';
import { ReadableCall } from './readable.ts';
import { UnaryCall } from './unary.ts';
import { WritableCall } from './writable.ts';

type Serialize = (value: unknown) => Buffer;
type Deserialize = (bytes: Buffer) => unknown;
/** The methods by which all generated clients make calls; the arguments after these are the caller's. */
interface Requests {
  getChannel(): ChannelInterface;
  makeUnaryRequest(path: string, serialize: Serialize, deserialize: Deserialize, ...rest: unknown[]): unknown;
  makeClientStreamRequest(
    path: string,
    serialize: Serialize,
    deserialize: Deserialize,
    ...rest: unknown[]
  ): unknown;
  makeServerStreamRequest(
    path: string,
    serialize: Serialize,
    deserialize: Deserialize,
    ...rest: unknown[]
  ): unknown;
  makeBidiStreamRequest(
    path: string,
    serialize: Serialize,
    deserialize: Deserialize,
    ...rest: unknown[]
  ): unknown;
}

/** A subclass whose calls go straight to the channel, unless a call's options name interceptors. */
export function shorten(clientClass: ClientClass<Client>): ClientClass<Client> {
  const Base = clientClass as unknown as new (
    ...args: ConstructorParameters<ClientClass<Client>>
  ) => Requests;
  class ShortClient extends Base {
    override makeUnaryRequest(
      path: string,
      serialize: Serialize,
      deserialize: Deserialize,
      message: unknown,
      first?: unknown,
      second?: unknown,
      third?: unknown,
    ): unknown {
      const { metadata, options, callback } = withCallback<requestCallback<unknown>>(first, second, third);
      if (wantsInterceptors(options))
        return super.makeUnaryRequest(path, serialize, deserialize, message, metadata, options, callback);
      const method = { path, serialize, deserialize };
      return new UnaryCall().start(this.getChannel(), method, message, metadata, options, callback);
    }

    override makeClientStreamRequest(
      path: string,
      serialize: Serialize,
      deserialize: Deserialize,
      first?: unknown,
      second?: unknown,
      third?: unknown,
    ): unknown {
      const { metadata, options, callback } = withCallback<requestCallback<unknown>>(first, second, third);
      if (wantsInterceptors(options))
        return super.makeClientStreamRequest(path, serialize, deserialize, metadata, options, callback);
      const method = { path, serialize, deserialize };
      return new WritableCall(method, callback).start(this.getChannel(), path, metadata, options);
    }

    override makeServerStreamRequest(
      path: string,
      serialize: Serialize,
      deserialize: Deserialize,
      message: unknown,
      first?: unknown,
      second?: unknown,
    ): unknown {
      const { metadata, options } = withoutCallback(first, second);
      if (wantsInterceptors(options))
        return super.makeServerStreamRequest(path, serialize, deserialize, message, metadata, options);
      const method = { path, serialize, deserialize };
      return new ReadableCall(deserialize).start(this.getChannel(), method, message, metadata, options);
    }

    override makeBidiStreamRequest(
      path: string,
      serialize: Serialize,
      deserialize: Deserialize,
      first?: unknown,
      second?: unknown,
    ): unknown {
      const { metadata, options } = withoutCallback(first, second);
      if (wantsInterceptors(options))
        return super.makeBidiStreamRequest(path, serialize, deserialize, metadata, options);
      const method = { path, serialize, deserialize };
      return new DuplexCall(method).start(this.getChannel(), path, metadata, options);
    }
  }
  const { service } = clientClass as { readonly service?: ServiceDefinition };
  if (service !== undefined) shortenMethods(ShortClient.prototype as unknown as Methods, service);
  return ShortClient as unknown as ClientClass<Client>;
}

type Methods = Requests & Record<string, unknown>;

/** Generated methods call grpc-js's `Client` itself, past any subclass; those that somebody wrote over are left alone. */
function shortenMethods(prototype: Methods, service: ServiceDefinition): void {
  for (const [name, definition] of Object.entries(service)) {
    const { path, requestSerialize, responseDeserialize, requestStream, responseStream } = definition;
    const serialize = requestSerialize as Serialize;
    const deserialize = responseDeserialize as Deserialize;
    const one = responseStream ? prototype.makeServerStreamRequest : prototype.makeUnaryRequest;
    const many = responseStream ? prototype.makeBidiStreamRequest : prototype.makeClientStreamRequest;
    const make = requestStream ? many : one;
    function method(this: Requests, a: unknown, b: unknown, c: unknown, d: unknown): unknown {
      return make.call(this, path, serialize, deserialize, a, b, c, d);
    }
    Object.assign(method, definition);
    for (const key of [name, definition.originalName]) {
      if (key !== undefined && isGenerated(prototype[key], path)) prototype[key] = method;
    }
  }
}

function isGenerated(method: unknown, path: string): boolean {
  return (method as { path?: unknown } | undefined)?.path === path && !isWrapped(method);
}
