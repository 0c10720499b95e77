import type { EndpointSource } from '../endpoint.ts';

/** The state of a service's watch. Plain JSON; times are in milliseconds since 1970. */
export interface WatchStatus {
  /** `watching` while the registry is followed, `backing-off` between attempts. */
  readonly state: 'connecting' | 'watching' | 'backing-off' | 'closed';
  /** When it came into this state. */
  readonly sinceMs: number;
  /** Where the set in use came from. */
  readonly source: EndpointSource | undefined;
  /** When the registry last said something; of a snapshot, when it was written. */
  readonly lastUpdateMs: number | undefined;
  /** Why the last attempt failed, or what the registry complains of; undefined while all is well. */
  readonly lastError: string | undefined;
  /** Set when the registry does not know the service. */
  readonly missing: string | undefined;
  /** Pods that the registry took away and that are still used, `untilMs` at the latest. */
  readonly held:
    | { readonly reason: string; readonly untilMs: number; readonly ids: readonly string[] }
    | undefined;
  /** The parts of the registry's answer that could not be used, each with the reason. */
  readonly dropped: readonly string[];
  /** Why the last snapshot could not be written. */
  readonly snapshotError: string | undefined;
}

/**
 * The part that comes from the registry, the same for all watches of one service. Its times are the clock's `nowMs`, so that ages
 * stay right when the wall clock is set.
 */
export type RegistryStatus = Pick<
  WatchStatus,
  'state' | 'sinceMs' | 'lastUpdateMs' | 'lastError' | 'missing' | 'dropped'
>;
