export {
  acrossCopies,
  type Clock,
  checkKeys,
  type Hold,
  InvalidInput,
  messageOf,
  NOT_SHOWN,
  nearest,
  pause,
  type Random,
  show,
  systemClock,
  systemRandom,
  type Timer,
  TURN_MS,
  timers,
  unknownKey,
  unknownWord,
} from '@podwire/core';
export { type DnsRegistryOptions, dnsRegistry } from './dns/dns-registry.ts';
export type { DnsResolver, SrvRecord } from './dns/resolver.ts';
export {
  type Endpoint,
  type EndpointInput,
  type EndpointSet,
  type EndpointSource,
  endpointId,
  formatAddress,
  type Phase,
  parseAddress,
  sameEndpoint,
  toEndpoint,
} from './endpoint.ts';
export { type Change, EndpointTable } from './endpoint-table.ts';
export { type FileAnnouncerOptions, fileAnnouncer } from './file/file-announcer.ts';
export { type FileRegistryOptions, fileRegistry } from './file/file-registry.ts';
export { canonicalHost } from './host.ts';
export { type OpenedTarget, openTarget } from './open-target.ts';
export type {
  Announcement,
  AnnouncementChange,
  Announcer,
  Registry,
  RegistryUpdate,
  RegistryWatchOptions,
} from './registry.ts';
export { RetryDelay } from './retry-delay.ts';
export { staticRegistry } from './static.ts';
export { parseTarget, type Target } from './target.ts';
export type { WatchStatus } from './watched/status.ts';
export {
  type ServiceWatch,
  type WatchListener,
  type WatchOptions,
  watchService,
} from './watched/watch-service.ts';
export { parseYaml } from './yaml.ts';
