import { Client, type ClientOptions, credentials } from '@grpc/grpc-js';
import { checkKeys, InvalidInput } from '@podwire/core';
import type { PodwireChannel } from '../channel/podwire-channel.ts';
import type { ClientClass } from './client-class.ts';
import { fastClientClass } from './fast-client.ts';
import { wantsInterceptors } from './original.ts';

/** The options of grpc-js's clients besides channel options. */
export type CreateClientOptions = Pick<
  ClientOptions,
  'interceptors' | 'interceptor_providers' | 'callInvocationTransformer'
>;

const OPTION_NAMES: readonly (keyof CreateClientOptions)[] = [
  'interceptors',
  'interceptor_providers',
  'callInvocationTransformer',
];
const NO_CREDENTIALS = credentials.createInsecure();
const fastClasses = new WeakMap<ClientClass<Client>, ClientClass<Client>>();

/**
 * A client of a generated class on a channel: the same methods, arguments, events and errors as `new OrdersClient(…, {
 * channelOverride: channel })`, at less than half the CPU per call, because calls skip grpc-js's client layer. They go through
 * that layer where something needs it: interceptors (in `options` or in a call's options), a `callInvocationTransformer`, a method
 * that a tracer or the class itself put in the place of grpc-js's, or a class that extends another copy of grpc-js's
 * `Client`.
 * `client.close()` closes the channel, as with grpc-js. Throws `InvalidInput` for wrong arguments and unknown options.
 *
 * The differences: an error has the stack of the reply only, without that of the call. A stream that is destroyed before its
 * end, as by `break` in `for await`, cancels its call and emits no error after that. A second message where one is expected
 * fails the call. Up to 31 messages of 256 KiB together, or one larger message, are read ahead, so that a reader may get the error of
 * a call before it has read them. After a message that can't be serialized, `write` still calls back. Arguments that fit no call are a
 * `TypeError`, also where grpc-js ignores them.
 */
export function createClient<C>(
  generated: ClientClass<C>,
  channel: PodwireChannel,
  options: CreateClientOptions = {},
): C {
  checkArguments(generated, channel, options);
  const clientClass = generated as unknown as ClientClass<Client>;
  const intercepted =
    !isOurs(clientClass) || wantsInterceptors(options) || options.callInvocationTransformer !== undefined;
  const use = intercepted ? clientClass : fastClassOf(clientClass);
  return new use('', NO_CREDENTIALS, { ...options, channelOverride: channel }) as C;
}

/** Whether the class extends our copy of grpc-js's `Client`. With another copy, Metadata are not of our class. */
function isOurs(clientClass: ClientClass<Client>): boolean {
  return clientClass === Client || clientClass.prototype instanceof Client;
}

function checkArguments(generated: unknown, channel: unknown, options: unknown): void {
  if (typeof generated !== 'function')
    throw new InvalidInput('generated', generated, "must be a class that extends grpc-js's Client");
  if (typeof (channel as Partial<PodwireChannel> | undefined)?.createCall !== 'function')
    throw new InvalidInput('channel', undefined, 'must be a channel, as createChannel makes it');
  checkKeys(options, OPTION_NAMES, 'options');
}

function fastClassOf(clientClass: ClientClass<Client>): ClientClass<Client> {
  let fast = fastClasses.get(clientClass);
  if (fast === undefined) {
    fast = fastClientClass(clientClass);
    fastClasses.set(clientClass, fast);
  }
  return fast;
}
