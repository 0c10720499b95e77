import type { Clock, Random, Timer } from '../clock.ts';
import type { Endpoint, EndpointSet, EndpointSource } from '../endpoint.ts';
import type { Registry, RegistryUpdate } from '../registry.ts';
import { pause } from '../wait.ts';
import { apply } from './apply.ts';
import { type Held, survivors, suspicion } from './hold.ts';
import { SnapshotStore } from './snapshot-store.ts';

export interface WatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Where the last good set is written for cold starts; none is kept without it. */
  readonly snapshotDir?: string;
  /** Names this service in the snapshot directory, over all registries. Default scheme and service. */
  readonly snapshotKey?: string;
  /** Whether a Pod still answers; asked when the registry takes most away at once. Default: none does. */
  readonly isAlive?: (id: string) => boolean;
  /** How long Pods that still answer are held against an empty or halved set. Default 60 000; 0 is off. */
  readonly holdMs?: number;
}

/** Plain JSON. Times are in milliseconds since 1970. */
export interface WatchStatus {
  readonly state: 'connecting' | 'watching' | 'backing-off' | 'closed';
  /** Where the set in use came from. */
  readonly source: EndpointSource | undefined;
  /** When the registry last said something. */
  readonly lastUpdateMs: number | undefined;
  readonly lastError: string | undefined;
  /** Set when the registry does not know the service. */
  readonly missing: string | undefined;
  /** Pods that the registry took away and that are still used. */
  readonly held: { readonly reason: string; readonly ids: readonly string[] } | undefined;
  /** What the registry said that could not be used. */
  readonly dropped: readonly string[];
}

export interface WatchListener {
  /** A new set, each with a higher version. Also called with an empty one. */
  onSet(set: EndpointSet): void;
  onStatus?(status: WatchStatus): void;
}

/** One service being watched. */
export interface ServiceWatch {
  readonly set: EndpointSet | undefined;
  readonly status: WatchStatus;
  /** A Pod that was held stopped answering: look again at what is held. */
  recheck(): void;
  close(): void;
}

const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 10_000;
/** A watch that lived this long was a good one: the next begins with the first backoff. */
const GOOD_WATCH_MS = 30_000;
const DEFAULT_HOLD_MS = 60_000;
const MAX_DROPPED = 20;

/**
 * Watches a service for as long as it takes: starts the registry's watch again with backoff and jitter, keeps the last
 * good set meanwhile, serves a snapshot of an earlier run until the registry answers, and holds Pods that still answer
 * against a set that is suddenly empty or halved.
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
  status: WatchStatus = {
    state: 'connecting',
    source: undefined,
    lastUpdateMs: undefined,
    lastError: undefined,
    missing: undefined,
    held: undefined,
    dropped: [],
  };
  readonly #registry: Registry;
  readonly #service: string;
  readonly #options: WatchOptions;
  readonly #listener: WatchListener;
  readonly #store: SnapshotStore | undefined;
  readonly #key: string;
  readonly #abort = new AbortController();
  /** What the registry says, without what is held. */
  #said: ReadonlyMap<string, Endpoint> = new Map();
  /** What is in use. */
  #used: ReadonlyMap<string, Endpoint> = new Map();
  #held: Held | undefined;
  #timer: Timer | undefined;

  constructor(registry: Registry, service: string, options: WatchOptions, listener: WatchListener) {
    this.#registry = registry;
    this.#service = service;
    this.#options = options;
    this.#listener = listener;
    this.#key = options.snapshotKey ?? `${registry.scheme}://${service}`;
    this.#store = options.snapshotDir === undefined ? undefined : new SnapshotStore(options.snapshotDir);
    const stored = this.#store?.load(this.#key);
    if (stored !== undefined) {
      this.#said = new Map(stored.endpoints.map((endpoint) => [endpoint.id, endpoint]));
      this.#publish(this.#said, 'snapshot');
    }
    void this.#run();
  }

  recheck(): void {
    if (this.#held !== undefined) this.#settle();
  }

  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#timer?.cancel();
    this.status = { ...this.status, state: 'closed' };
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const { clock, random } = this.#options;
    let backoffMs = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      const startedMs = clock.nowMs();
      const error = await this.#watchOnce(signal);
      if (signal.aborted) return;
      if (clock.nowMs() - startedMs >= GOOD_WATCH_MS) backoffMs = FIRST_BACKOFF_MS;
      this.#report({ state: 'backing-off', lastError: error });
      // Half to whole: a thousand clients that lost one registry together do not come back together.
      await pause(clock, backoffMs * (0.5 + 0.5 * random()), signal);
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    }
  }

  /** Returns why it ended. */
  async #watchOnce(signal: AbortSignal): Promise<string> {
    try {
      for await (const update of this.#registry.watch(this.#service, { signal })) {
        if (signal.aborted) break;
        this.#onUpdate(update);
      }
      return 'the registry ended the watch';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #onUpdate(update: RegistryUpdate): void {
    const nowMs = this.#options.clock.wallMs();
    if (update.type === 'problem') return this.#report({ state: 'watching', lastError: update.reason });
    const { endpoints, changed } = apply(this.#said, update);
    this.#said = endpoints;
    const dropped = 'dropped' in update ? (update.dropped ?? []) : [];
    const missing = update.type === 'missing' ? update.reason : undefined;
    this.#report({
      state: 'watching',
      lastUpdateMs: nowMs,
      lastError: undefined,
      missing,
      dropped: dropped.slice(0, MAX_DROPPED),
    });
    const first = this.set === undefined || this.set.source === 'snapshot';
    if (changed || first || this.#held !== undefined) this.#believe();
  }

  /** Decides what of `#said` is used. */
  #believe(): void {
    const { clock, isAlive = () => false, holdMs = DEFAULT_HOLD_MS } = this.#options;
    const reason = this.#held?.reason ?? suspicion(this.#used, this.#said);
    if (reason !== undefined && holdMs > 0) {
      const kept = survivors(this.#used, this.#said, isAlive);
      const untilMs = this.#held?.untilMs ?? clock.nowMs() + holdMs;
      if (kept.size > 0 && clock.nowMs() < untilMs) {
        if (this.#held === undefined) this.#timer = clock.after(holdMs, () => this.#settle());
        this.#held = { reason, untilMs, endpoints: kept };
        this.#report({ held: { reason, ids: [...kept.keys()] } });
        return this.#publish(new Map([...this.#said, ...kept]), this.#registry.source);
      }
    }
    this.#release();
    this.#publish(this.#said, this.#registry.source);
    if (this.#said.size > 0) this.#save();
  }

  /** Looks again at what is held: it may have been long enough, or it may have stopped answering. */
  #settle(): void {
    this.#believe();
  }

  #release(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#report({ held: undefined });
  }

  #save(): void {
    const { wallMs } = this.#options.clock;
    this.#store?.save(this.#key, [...this.#said.values()], wallMs.call(this.#options.clock), (error) => {
      this.#report({ lastError: `the snapshot could not be written: ${error.message}` });
    });
  }

  #publish(endpoints: ReadonlyMap<string, Endpoint>, source: EndpointSource): void {
    const known = this.set;
    this.#used = endpoints;
    if (known?.source === source && sameMembers(known.endpoints, endpoints)) return;
    this.set = { version: (known?.version ?? 0) + 1, endpoints: [...endpoints.values()], source };
    if (this.status.source !== source) this.status = { ...this.status, source };
    this.#listener.onSet(this.set);
  }

  #report(change: Partial<WatchStatus>): void {
    this.status = { ...this.status, ...change };
    this.#listener.onStatus?.(this.status);
  }
}

/** Unchanged endpoints are the same objects, in the same order. */
function sameMembers(list: readonly Endpoint[], map: ReadonlyMap<string, Endpoint>): boolean {
  if (list.length !== map.size) return false;
  let i = 0;
  for (const endpoint of map.values()) if (list[i++] !== endpoint) return false;
  return true;
}
