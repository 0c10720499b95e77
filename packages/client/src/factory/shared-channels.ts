import type { Channel } from '../channel/channel.ts';
import { createChannel } from '../channel/create-channel.ts';
import type { ChannelOptions } from '../options/channel-options.ts';
import { isSame } from '../options/same.ts';

/** A channel with the number of clients that use it. */
interface Shared {
  readonly options: ChannelOptions;
  readonly channel: Channel;
  clients: number;
}

/** Shared channels by address. There is one list for the process, so that clients made in different files share connections. */
const open = new Map<string, Shared[]>();

/** A client's use of a channel: the channel, and a function to leave it. */
interface Use {
  readonly channel: Channel;
  /** The last client that leaves closes the channel. A second call may shorten the time for calls in flight. */
  readonly release: (options?: { readonly graceMs?: number }) => Promise<void>;
}

/** The channel to `address` with these options: an open one if there is one, else a new one. Throws `InvalidInput` as `createChannel` does. */
export function useSharedChannel(address: string, options: ChannelOptions): Use {
  const shared = findOrOpen(address, options);
  shared.clients += 1;
  let left = false;
  return {
    channel: shared.channel,
    release: (closeOptions) => {
      const isLast = shared.clients === (left ? 0 : 1);
      const closed = isLast ? shared.channel.close(closeOptions) : Promise.resolve();
      if (!left) {
        left = true;
        shared.clients -= 1;
        if (isLast) forget(address, shared);
      }
      return closed;
    },
  };
}

function findOrOpen(address: string, options: ChannelOptions): Shared {
  const there = open.get(address)?.find((shared) => isSame(shared.options, options));
  if (there !== undefined) return there;
  const channel = createChannel(address, options) as unknown as Channel;
  const shared = { options, channel, clients: 0 };
  open.set(address, [...(open.get(address) ?? []), shared]);
  return shared;
}

function forget(address: string, gone: Shared): void {
  const left = open.get(address)!.filter((shared) => shared !== gone);
  if (left.length === 0) open.delete(address);
  else open.set(address, left);
}
