export { InvalidInput } from '@podwire/registry';
export { createChannel, type PodwireChannel } from './channel/channel.ts';
export type { ChannelEvents } from './channel/events.ts';
export type { ChannelSnapshot, PodSnapshot } from './channel/snapshot.ts';
export type { Mode } from './modes/mode.ts';
export type { ChannelOptions, HashKeyInfo, TlsConfig } from './options/channel-options.ts';
export { ChannelError, type PodwireStatus, type Reason } from './reasons.ts';
