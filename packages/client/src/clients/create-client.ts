import { type ChannelCredentials, type Client, type ClientOptions, credentials } from '@grpc/grpc-js';
import type { PodwireChannel } from '../channel/podwire-channel.ts';
import { isTraced, wantsInterceptors } from './long-way.ts';
import { shorten } from './shorten.ts';

/** A generated client class: of proto-loader, ts-proto or grpc-tools, or any that extends grpc-js's `Client`. */
export type ClientClass<C> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C;

/** What grpc-js's clients take besides channel options. */
export type CreateClientOptions = Pick<
  ClientOptions,
  'interceptors' | 'interceptor_providers' | 'callInvocationTransformer'
>;

const NO_CREDENTIALS = credentials.createInsecure();
const shortened = new WeakMap<ClientClass<Client>, ClientClass<Client>>();

/**
 * A client of a generated class on a channel: the same methods, arguments, events and errors as `new OrdersClient(…, {
 * channelOverride: channel })`, at a third of its cost a call, because calls go past grpc-js's client layer. They go through
 * it where that is asked for: by interceptors (in `options` or in a call's), by a `callInvocationTransformer`, or by a tracer
 * that wrapped grpc-js's clients before. `client.close()` closes the channel, as with grpc-js.
 *
 * What differs: an error has the stack of the reply, and not that of the call as well; a stream that is destroyed before its
 * end, as by `break` in `for await`, cancels its call; a second message where one is expected fails the call.
 */
export function createClient<C>(
  generated: ClientClass<C>,
  channel: PodwireChannel,
  options: CreateClientOptions = {},
): C {
  const clientClass = generated as unknown as ClientClass<Client>;
  const long =
    wantsInterceptors(options) ||
    options.callInvocationTransformer !== undefined ||
    isTraced(clientClass.prototype as Client);
  const use = long ? clientClass : shortenedClass(clientClass);
  return new use('', NO_CREDENTIALS, { ...options, channelOverride: channel }) as C;
}

function shortenedClass(clientClass: ClientClass<Client>): ClientClass<Client> {
  let short = shortened.get(clientClass);
  if (short === undefined) {
    short = shorten(clientClass);
    shortened.set(clientClass, short);
  }
  return short;
}
