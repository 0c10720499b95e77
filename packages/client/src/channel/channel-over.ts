import type { Socket } from 'node:net';
import { InvalidInput, timers } from '@podwire/core';
import { type ConnectionOptions, ownHttp2Transport, type Transport } from '@podwire/http2';
import { systemEnv } from '../env.ts';
import type { ChannelOptions } from '../options/channel-options.ts';
import { parseOptions, type Settings } from '../options/settings.ts';
import { parseTls } from '../options/tls.ts';
import { Channel } from './channel.ts';
import type { PodwireChannel } from './podwire-channel.ts';

/** Options about where Pods are or how they are reached, which mean nothing within a process. */
const MEANINGLESS = [
  'mode',
  'mesh',
  'transport',
  'tls',
  'registries',
  'snapshotDir',
  'zone',
  'subset',
] as const;

/**
 * For `podwire/testing`, not part of the API: a channel to one Pod over sockets that the caller makes. `onClosed` is called
 * once, after all calls have ended.
 */
export function channelOver(
  options: ChannelOptions,
  openSocket: () => Socket,
  onClosed: () => void,
): PodwireChannel {
  const settings = parseOptions(options);
  for (const name of MEANINGLESS) {
    if (options[name] === undefined) continue;
    throw new InvalidInput(`options.${name}`, options[name], 'means nothing to a channel within the process');
  }
  const transport: Transport = {
    name: 'memory',
    connect(connection, listener) {
      const connected = () => {
        const socket = openSocket();
        // Like the network, the socket connects later, when there are listeners.
        timers.nextTick(() => socket.emit('connect'));
        return socket;
      };
      const inMemory: ConnectionOptions = { ...connection, tls: undefined, openSocket: connected };
      return ownHttp2Transport.connect(inMemory, listener);
    },
  };
  const inMemory: Settings = {
    ...settings,
    name: settings.name ?? 'test',
    authority: settings.authority ?? 'localhost',
    // Call credentials need TLS. Bytes that stay within the process are as good as encrypted.
    tls: parseTls(true, 'options.tls'),
    transport,
  };
  return new ChannelOver(inMemory, onClosed) as unknown as PodwireChannel;
}

class ChannelOver extends Channel {
  readonly #onClosed: () => void;
  #closed: Promise<void> | undefined;

  constructor(settings: Settings, onClosed: () => void) {
    super('static:///memory:1', settings, systemEnv, {});
    this.#onClosed = onClosed;
  }

  override close(options?: Parameters<Channel['close']>[0]): Promise<void> {
    const closing = super.close(options);
    this.#closed ??= closing.then(this.#onClosed);
    return this.#closed;
  }
}
