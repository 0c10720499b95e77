/// <reference types="node" preserve="true" />
import type { Endpoint, EndpointSource, Phase } from './endpoint.ts';

/**
 * One change of what a registry says. A watch begins with a `reset`. `dropped` names what the registry said
 * that could not be used, each as `path: value rule`.
 */
export type RegistryUpdate =
  | { readonly type: 'reset'; readonly endpoints: readonly Endpoint[]; readonly dropped?: readonly string[] }
  | { readonly type: 'upsert'; readonly endpoints: readonly Endpoint[]; readonly dropped?: readonly string[] }
  | { readonly type: 'remove'; readonly ids: readonly string[] }
  /** The registry does not know the service. Means the same as a reset to nothing, and says why. */
  | { readonly type: 'missing'; readonly reason: string }
  /** What the registry says now cannot be used at all; what it said before still holds. */
  | { readonly type: 'problem'; readonly reason: string };

/** A source of endpoint sets. It stays simple: `watchService` reconnects and holds on to endpoints for every registry. */
export interface Registry {
  /** The target scheme it serves, without `://`. */
  readonly scheme: string;
  /** How snapshots name the source of a set that comes from this registry. */
  readonly source: Exclude<EndpointSource, 'snapshot'>;
  /** Registries with the same key have the same endpoints, so that one watch serves all callers. Without a key each object is a registry of its own. */
  readonly key?: string;
  /** Throws `InvalidInput` for a service that cannot be right, so that a wrong target is refused when it is opened. */
  check?(service: string): void;
  /**
   * Yields changes of one service until `signal` aborts; throws when the registry fails.
   * The caller starts it again with backoff, and soon after an error whose `unreachable` is true: no server was reached.
   */
  watch(service: string, options: RegistryWatchOptions): AsyncIterable<RegistryUpdate>;
  /**
   * The zone that a node is in, for channels whose Pods do not tell it; undefined when the registry does not know. `service` is
   * the channel's service: the registry's rights may depend on it.
   */
  zoneOf?(service: string, node: string): Promise<string | undefined>;
  /** Closes connections that are kept between watches. */
  close?(): Promise<void>;
}

/** The options of one watch. */
export interface RegistryWatchOptions {
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /**
   * Registers a callback that asks the registry to look again, for example after a Pod stopped answering; it is called once a
   * second at most. A registry that is told of every change does not need it.
   */
  readonly onRecheck?: (look: () => void) => void;
}

/** The properties of an announced Pod that its provider may change. */
export interface AnnouncementChange {
  /** Default: as before. */
  readonly weight?: number;
  /** Default: as before. */
  readonly phase?: Phase;
  /** These replace all attributes. Default: as before. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** One announced Pod; its lease is kept until it is withdrawn. */
export interface Announcement {
  /** The Pod as it is announced now. */
  readonly endpoint: Endpoint;
  /** Announces the change; rejects when the registry refuses it, and then nothing has changed. */
  update(change: AnnouncementChange): Promise<void>;
  /** Takes the Pod out of the registry; the caller then waits until consumers had time. Safe to call twice. */
  withdraw(): Promise<void>;
}

/** The provider's side of a registry. */
export interface Announcer {
  /** Resolves when the registry has the endpoint; rejects when it refuses it. */
  announce(
    service: string,
    endpoint: Endpoint,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Announcement>;
}
