import type { ChannelCredentials, ClientOptions } from '@grpc/grpc-js';
import { InvalidInput } from '@podwire/core';
import type { Channel } from '../channel/channel.ts';
import type { PodwireChannel } from '../channel/podwire-channel.ts';
import type { ChannelOptions } from '../options/channel-options.ts';
import { overlay } from '../options/overlay.ts';
import { parseTls } from '../options/tls.ts';
import { ClientChannel } from './client-channel.ts';
import { checkClientOptions, checkCredentials, checkPartOfOptions } from './existing-channel.ts';
import { readCredentials } from './read-credentials.ts';
import { useSharedChannel } from './shared-channels.ts';

/** What grpc-js's clients take as `channelFactoryOverride`. */
export type ChannelFactory = (
  address: string,
  credentials: ChannelCredentials,
  options?: ClientOptions,
) => PodwireChannel;

/**
 * For the option `channelFactoryOverride` of grpc-js's clients: `new OrdersClient(address, credentials, {
 * channelFactoryOverride: channelFactory() })`. Unlike `channelOverride`, it sees the client's address, credentials and options, so
 * that none of them is lost.
 *
 * - `channelFactory(options)` makes a channel to the client's address. TLS and call credentials come from the client's
 *   credentials, other options from the client's and from `options`; of an option in both, the client's counts. Clients of
 *   the same address and options share one channel, and the last one that is closed closes it.
 * - `channelFactory(channel)` puts the client on a channel that exists. Its address is not used. Call credentials in its channel
 *   credentials go with its calls. Closing the client leaves the channel open, for the part of the program that made it.
 *
 * Throws `InvalidInput` for options that are wrong. The factory, and so the client's constructor, throws it for secure credentials on a
 * plaintext channel, for credentials that cannot be read, for unknown options, and for options of a client that differ from those of
 * its channel.
 */
export function channelFactory(channelOrOptions: PodwireChannel | ChannelOptions = {}): ChannelFactory {
  if (typeof channelOrOptions !== 'object' || channelOrOptions === null || Array.isArray(channelOrOptions))
    throw new InvalidInput('options', channelOrOptions, "must be a channel, or a channel's options");
  return isChannel(channelOrOptions) ? onChannel(channelOrOptions) : withOptions(channelOrOptions);
}

function isChannel(value: object): value is PodwireChannel {
  return typeof (value as Partial<PodwireChannel>).createCall === 'function';
}

function onChannel(given: PodwireChannel): ChannelFactory {
  if (typeof given.snapshot !== 'function')
    throw new InvalidInput('channel', given.constructor.name, 'must be one that createChannel made');
  const channel = given as unknown as Channel;
  return (_address, credentials, options = {}) => {
    const read = readCredentials(credentials);
    checkCredentials(read, channel.tls, channel.getTarget());
    checkClientOptions(options as ChannelOptions, channel);
    return made(new ClientChannel(channel, read.callCredentials, async () => {}));
  };
}

function withOptions(own: ChannelOptions): ChannelFactory {
  checkPartOfOptions(own);
  return (address, credentials, options = {}) => {
    const read = readCredentials(credentials);
    const merged: ChannelOptions = overlay({ ...own }, { ...options });
    const { tls } = merged;
    if (tls !== undefined && tls !== false) checkCredentials(read, parseTls(tls, 'options.tls'), address);
    else if (read.tls !== undefined) {
      if (tls === false) checkCredentials(read, undefined, address);
      Object.assign(merged, { tls: read.tls });
    }
    const { channel, release } = useSharedChannel(address, merged);
    return made(new ClientChannel(channel, read.callCredentials, release));
  };
}

/** grpc-js's Channel is a class with a private member, so that only a cast makes a type that its users accept. */
function made(channel: ClientChannel): PodwireChannel {
  return channel as unknown as PodwireChannel;
}
