import { systemEnv } from '../env.ts';
import type { ChannelOptions } from '../options/channel-options.ts';
import { parseOptions } from '../options/settings.ts';
import { Channel } from './channel.ts';
import type { PodwireChannel } from './podwire-channel.ts';

/**
 * A channel to the service that `target` names, for any grpc-js client: `new Client(name, credentials, {
 * channelFactoryOverride: channelFactory(channel) })`. It connects at once, and does not keep the process alive while no call is open.
 * Throws `InvalidInput` for a target or an option that is wrong.
 */
export function createChannel(target: string, options: ChannelOptions = {}): PodwireChannel {
  const channel = new Channel(target, parseOptions(options), systemEnv, process.env);
  // grpc-js's Channel is a class with a private member, so that only a cast makes a type that its users accept.
  return channel as unknown as PodwireChannel;
}
