export type { Clock, Random, Timer } from './clock.ts';
export type { Endpoint, EndpointInput, EndpointSet, EndpointSource, Phase } from './endpoint.ts';
export { formatAddress, InvalidInput, parseAddress, sameEndpoint, show, toEndpoint } from './endpoint.ts';
export type { Announcement, AnnouncementChange, Announcer, Registry, RegistryUpdate } from './registry.ts';
