export { acrossCopies } from './across-copies.ts';
export type { Clock, Random, Timer } from './clock.ts';
export { type DnsRegistryOptions, dnsRegistry } from './dns/dns-registry.ts';
export type { DnsResolver, SrvRecord } from './dns/resolver.ts';
export {
  type Endpoint,
  type EndpointInput,
  type EndpointSet,
  type EndpointSource,
  endpointId,
  formatAddress,
  InvalidInput,
  NOT_SHOWN,
  type Phase,
  parseAddress,
  sameEndpoint,
  show,
  toEndpoint,
} from './endpoint.ts';
export { type Change, EndpointTable } from './endpoint-table.ts';
export { type FileAnnouncerOptions, fileAnnouncer } from './file/file-announcer.ts';
export { type FileRegistryOptions, fileRegistry } from './file/file-registry.ts';
export { messageOf } from './message-of.ts';
export { checkKeys, nearest, unknownKey, unknownWord } from './nearest.ts';
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
export { systemClock, systemRandom } from './system-clock.ts';
export { parseTarget, type Target } from './target.ts';
export { type Hold, timers } from './timers.ts';
export { pause, TURN_MS } from './wait.ts';
export type { WatchStatus } from './watched/status.ts';
export {
  type ServiceWatch,
  type WatchListener,
  type WatchOptions,
  watchService,
} from './watched/watch-service.ts';
export { parseYaml } from './yaml.ts';
