export { type AnnounceOptions, announce, type Presence, type PresenceState } from './announce.ts';
export { type DrainReport, type Provider, type ServeOptions, serve } from './serve.ts';
