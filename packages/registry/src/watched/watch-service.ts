import { type Clock, type Random, type Timer, timers } from '@podwire/core';
import type { Endpoint, EndpointSet, EndpointSource } from '../endpoint.ts';
import { EndpointTable } from '../endpoint-table.ts';
import type { Registry } from '../registry.ts';
import { Coalescer } from './coalescer.ts';
import { Baseline, type Held, survivors } from './hold.ts';
import { type SharedSubscription, subscribe } from './shared.ts';
import { Snapshot } from './snapshot.ts';
import type { WatchStatus } from './status.ts';

/** Options of one watch. Times in milliseconds. */
export interface WatchOptions {
  /** For delays and time limits. */
  readonly clock: Clock;
  /** For jitter. */
  readonly random: Random;
  /** The directory to which the last good set is written for cold starts. Default: none, and no set is kept. */
  readonly snapshotDir?: string;
  /** Names this service in the snapshot directory, over all registries. Default scheme and service. */
  readonly snapshotKey?: string;
  /** A snapshot older than this is not used: by then another service may have the addresses. Default 24 hours. */
  readonly snapshotMaxAgeMs?: number;
  /** Whether a Pod still answers; called when the registry removes most Pods at once. Default: none does. */
  readonly isAlive?: (id: string) => boolean;
  /** How long Pods that still answer are held against an empty or halved set. Default 60 000; 0 is off. */
  readonly holdMs?: number;
}

/** Receives the sets and statuses of one service. */
export interface WatchListener {
  /** A new set, each with a higher version. Also called with an empty one. */
  onSet(set: EndpointSet): void;
  /** The status changed. */
  onStatus?(status: WatchStatus): void;
}

/** One service being watched. */
export interface ServiceWatch {
  /** Undefined until the registry, or a snapshot, named Pods or said that there are none. */
  readonly set: EndpointSet | undefined;
  /** The state of the watch. */
  readonly status: WatchStatus;
  /** Call it when a Pod stopped answering: held Pods are checked again, and a polled registry is asked. */
  recheck(): void;
  /** Ends the watch; no listener is called any more. */
  close(): void;
}

const DEFAULT_HOLD_MS = 60_000;
const DEFAULT_MAX_AGE_MS = 24 * 60 * 60 * 1_000;
/** Many Pods may die together: held Pods are checked once for all of them. */
const RECHECK_MS = 50;

/**
 * Watches a service for as long as it takes: starts the registry's watch again with backoff and jitter, keeps the last
 * good set meanwhile, serves a snapshot of an earlier run until the registry answers, and holds Pods that still answer
 * against a set that is suddenly empty or halved. Watches of one registry's service share one watch of the registry.
 * `onSet` may be called before this returns.
 */
export function watchService(
  registry: Registry,
  service: string,
  options: WatchOptions,
  listener: WatchListener,
): ServiceWatch {
  return new Watch(registry, service, options, listener);
}

class Watch implements ServiceWatch {
  set: EndpointSet | undefined;
  readonly #registry: Registry;
  readonly #options: WatchOptions;
  readonly #listener: WatchListener;
  readonly #shared: SharedSubscription;
  readonly #snapshot: Snapshot | undefined;
  readonly #baseline = new Baseline();
  readonly #rechecking: Coalescer;
  #held: Held | undefined;
  #releaseTimer: Timer | undefined;
  #source: EndpointSource | undefined;
  /** When the snapshot in use was written, on the clock's `nowMs`. */
  #snapshotMs: number | undefined;
  #snapshotError: string | undefined;
  #closed = false;

  constructor(registry: Registry, service: string, options: WatchOptions, listener: WatchListener) {
    this.#registry = registry;
    this.#options = options;
    this.#listener = listener;
    const { clock, random, snapshotDir, snapshotKey, snapshotMaxAgeMs } = options;
    this.#rechecking = new Coalescer(clock, RECHECK_MS, () => this.#reconcile());
    this.#shared = subscribe(registry, service, clock, random, {
      onSaid: (changed) => this.#onSaid(changed),
      onStatus: () => this.#tellStatus(),
    });
    // Endpoints from the configuration need no snapshot.
    if (snapshotDir !== undefined && registry.source !== 'static') {
      this.#snapshot = new Snapshot({
        directory: snapshotDir,
        key: snapshotKey ?? `${registry.scheme}://${service}`,
        maxAgeMs: snapshotMaxAgeMs ?? DEFAULT_MAX_AGE_MS,
        clock,
        isCurrent: () => this.#isVouchedFor(),
        onWritten: (error) => this.#onWritten(error),
      });
    }
    if (this.#shared.subscription.endpoints !== undefined) this.#reconcile();
    else this.#useSnapshot();
  }

  get status(): WatchStatus {
    const { status } = this.#shared.subscription;
    const { clock } = this.#options;
    const startMs = clock.wallMs() - clock.nowMs();
    const toWall = (nowMs: number) => Math.round(startMs + nowMs);
    const lastUpdateMs = status.lastUpdateMs ?? this.#snapshotMs;
    const held = this.#held && {
      reason: this.#held.reason,
      untilMs: toWall(this.#held.untilMs),
      ids: this.#held.endpoints.map(({ id }) => id),
    };
    return {
      ...status,
      ...(this.#closed && { state: 'closed' }),
      sinceMs: toWall(status.sinceMs),
      lastUpdateMs: lastUpdateMs === undefined ? undefined : toWall(lastUpdateMs),
      source: this.#source,
      held,
      snapshotError: this.#snapshotError,
    };
  }

  recheck(): void {
    if (this.#closed) return;
    if (this.#held !== undefined) this.#rechecking.request();
    this.#shared.subscription.recheck();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#releaseTimer?.cancel();
    this.#rechecking.cancel();
    this.#snapshot?.close();
    this.#shared.release();
  }

  #useSnapshot(): void {
    const stored = this.#snapshot?.load();
    if (stored === undefined) return;
    this.#snapshotMs = this.#options.clock.nowMs() - stored.ageMs;
    const known = new EndpointTable();
    known.apply({ type: 'reset', endpoints: stored.endpoints });
    this.#publish(known.list, 'snapshot');
  }

  #onSaid(changed: boolean): void {
    if (changed || this.#source !== this.#registry.source || this.#held !== undefined) this.#reconcile();
  }

  /** Whether the registry still confirms the stored set. A set without Pods is never stored. */
  #isVouchedFor(): boolean {
    const { status, endpoints = NONE } = this.#shared.subscription;
    return status.state === 'watching' && this.#held === undefined && endpoints.size > 0;
  }

  /** Decides which Pods to use, given what the registry says and which Pods still answer. */
  #reconcile(): void {
    if (this.#closed) return;
    const said = this.#shared.subscription.endpoints ?? NONE;
    const nowMs = this.#options.clock.nowMs();
    const kept = this.#keep(said, nowMs);
    if (kept === undefined) {
      const wasHeld = this.#held !== undefined;
      this.#releaseTimer?.cancel();
      this.#held = undefined;
      if (wasHeld) this.#tellStatus();
      this.#publish(said.list, this.#registry.source);
      if (said.size > 0) this.#snapshot?.save(this.set?.endpoints ?? []);
      return;
    }
    if (this.#held === undefined) {
      this.#releaseTimer = this.#options.clock.after(kept.untilMs - nowMs, () => this.#reconcile());
    }
    this.#held = kept;
    this.#tellStatus();
    this.#publish([...said.list, ...kept.endpoints], this.#registry.source);
  }

  /** The Pods to hold although the registry removed them; undefined when its update is used as it is. */
  #keep(said: EndpointTable, nowMs: number): Held | undefined {
    const { isAlive = () => false, holdMs = DEFAULT_HOLD_MS } = this.#options;
    const used = this.set?.endpoints ?? [];
    const reason = this.#held?.reason ?? this.#baseline.massLoss(used, said, nowMs);
    if (reason === undefined) return undefined;
    const untilMs = this.#held?.untilMs ?? nowMs + holdMs;
    if (nowMs >= untilMs) return undefined;
    const endpoints = survivors(used, said, isAlive);
    return endpoints.length === 0 ? undefined : { reason, untilMs, endpoints };
  }

  #onWritten(error: Error | undefined): void {
    const message = error?.message;
    if (message === this.#snapshotError) return;
    this.#snapshotError = message;
    this.#tellStatus();
  }

  #publish(endpoints: readonly Endpoint[], source: EndpointSource): void {
    const before = this.set;
    this.#source = source;
    if (before !== undefined && before.source === source && sameMembers(before.endpoints, endpoints)) return;
    const set: EndpointSet = { version: (before?.version ?? 0) + 1, endpoints, source };
    this.set = set;
    this.#tell(() => this.#listener.onSet(set));
  }

  #tellStatus(): void {
    if (this.#listener.onStatus === undefined) return;
    this.#tell(() => this.#listener.onStatus?.(this.status));
  }

  /** An error that a listener throws becomes an uncaught exception: it must not count as a failure of the registry. */
  #tell(fn: () => void): void {
    if (this.#closed) return;
    try {
      fn();
    } catch (error) {
      timers.nextTick(() => {
        throw error;
      });
    }
  }
}

const NONE = new EndpointTable();

/** Compares in any order. Unchanged endpoints are the same objects. */
function sameMembers(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  if (a.length !== b.length) return false;
  const from = a.findIndex((endpoint, i) => endpoint !== b[i]);
  if (from < 0) return true;
  if (!b.includes(a[from]!)) return false;
  const rest = new Set(a.slice(from));
  return b.slice(from).every((endpoint) => rest.has(endpoint));
}
