export { type AnnounceOptions, announce, type Presence, type PresenceState } from './announce.ts';
export { type AttachedProvider, type AttachOptions, attach } from './attach.ts';
export type { DrainReport } from './drain-report.ts';
export { type LoadReporter, type LoadReporterOptions, loadReporter } from './load-reporter.ts';
export type { Usage } from './process-usage.ts';
export { type ServeOptions, serve } from './serve.ts';
export type { Provider } from './serving.ts';
