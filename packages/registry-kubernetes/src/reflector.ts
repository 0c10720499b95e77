import type { Clock, Random } from '@podwire/core';
import type { ApiClient } from './api/client.ts';
import { KubernetesError, SilentWatch } from './api/error.ts';
import type { ServiceKey } from './api/list.ts';
import { listMirror } from './mirror.ts';
import { ReflectorSubscription } from './reflector-subscription.ts';
import { Replica } from './replica.ts';
import { isVersionGood } from './resource-version.ts';
import type { ServiceObject } from './slices/service-object.ts';
import { Trust } from './trust.ts';
import { type Ended, GONE, type WatchEnv, watchOnce } from './watch-once.ts';
import { WatchPace } from './watch-pace.ts';

export interface ReflectorEnv {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly idleTimeoutMs: number;
  /** The last watcher left. */
  readonly onUnused: () => void;
}

/** Upper bound for the server's Retry-After: a watcher gives up after 30 s without an update. */
const MAX_RETRY_AFTER_MS = 20_000;

/**
 * Mirrors the objects of one service: lists them, then watches from there; what client-go calls a reflector. All watchers
 * of the service in this process share it. After a failure the first watcher that returns starts it again; it goes on
 * from the resource version it had where that is safe, and lists anew where it is not.
 */
export class Reflector {
  /** Undefined while it has a watcher; on the clock's `nowMs`. */
  failedAtMs: number | undefined;
  readonly #env: ReflectorEnv;
  readonly #subscriptions = new Set<ReflectorSubscription>();
  readonly #trust: Trust;
  readonly #replica: Replica;
  readonly #pace: WatchPace;
  readonly #watching: WatchEnv;
  #running: AbortController | undefined;
  #isSynced = false;
  #wasUnreachable = false;

  constructor(service: ServiceKey, env: ReflectorEnv) {
    this.#env = env;
    this.#replica = new Replica(service);
    this.#pace = new WatchPace(env.clock);
    const onChange = () => this.#ring();
    this.#trust = new Trust({ ...env, onChange });
    const { client, clock, random, idleTimeoutMs } = env;
    const [trust, pace] = [this.#trust, this.#pace];
    const onOpen = () => this.#onOpen();
    this.#watching = { client, clock, random, idleTimeoutMs, trust, pace, onOpen, onChange };
  }

  /** Why watches are not relied on and the service is listed again and again; undefined while they are. */
  get doubt(): string | undefined {
    return this.#trust.told;
  }

  /** A caller has reason to think that the API server knows better by now. */
  recheck(): void {
    this.#trust.recheck();
  }

  get service(): ServiceKey {
    return this.#replica.service;
  }

  get objects(): Iterable<ServiceObject> {
    return this.#replica.mirror.objects;
  }

  /** Messages about listed objects that have no name or belong to another service. */
  get unusable(): readonly string[] {
    return this.#replica.mirror.unusable;
  }

  /** The same for objects that the watch sent since. */
  get strays(): readonly string[] {
    return this.#replica.mirror.strays;
  }

  /** The watched resource, as RBAC names it. */
  get resource(): string {
    return this.#replica.mirror.resource.fullName;
  }

  /** Adds a watcher. The first one starts the watch, and the last one to leave ends it. */
  join(): ReflectorSubscription {
    const subscription = new ReflectorSubscription(() => this.#leave(subscription));
    this.failedAtMs = undefined;
    this.#subscriptions.add(subscription);
    if (this.#isSynced) subscription.raise();
    if (this.#running === undefined) {
      this.#running = new AbortController();
      void this.#run(this.#running.signal);
    }
    return subscription;
  }

  #leave(subscription: ReflectorSubscription): void {
    if (!this.#subscriptions.delete(subscription) || this.#subscriptions.size > 0) return;
    this.#running?.abort();
    this.#running = undefined;
    this.#trust.stop();
    this.#isSynced = false;
    this.#env.onUnused();
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#pace.due(signal);
      if (!signal.aborted) await this.#begin(signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** An API server that has just started refuses what it allows a moment later: its roles are not loaded yet. */
  async #begin(signal: AbortSignal): Promise<void> {
    try {
      return await this.#follow(signal);
    } catch (error) {
      if (!this.#wasUnreachable || !(error instanceof KubernetesError) || error.status !== 403) throw error;
    }
    this.#wasUnreachable = false;
    this.#pace.onRefused();
    await this.#pace.due(signal);
    if (!signal.aborted) await this.#follow(signal);
  }

  /**
   * Runs until it fails or `signal` aborts. It fails when no request succeeds and when a watch breaks off. Where lists succeed
   * and watches do not, it lists the service again and again, so that the set does not freeze.
   */
  async #follow(signal: AbortSignal): Promise<void> {
    const trust = this.#trust;
    const replica = this.#replica;
    /** Whether a request succeeded since the last watch began. A failure without one means that the API server is lost. */
    let isAnswered = false;
    // If watches are in doubt, the same store may still have changes that we missed: list again.
    if (trust.doubt !== undefined) replica.resourceVersion = undefined;
    else if (replica.isStoreInDoubt && replica.resourceVersion !== undefined) {
      isAnswered = await replica.isSameStore(this.#env.client, signal);
      if (!isAnswered) replica.resourceVersion = undefined;
    }
    /** Lists since the last watch began: a version that is too old right after a list stays too old. */
    let lists = 0;
    /** The version is kept until a list succeeds: a watch may still continue from it. */
    let isListDue = false;
    while (!signal.aborted) {
      if (isListDue || replica.resourceVersion === undefined) {
        await this.#list(false, signal);
        isListDue = false;
        isAnswered = true;
        lists += 1;
      }
      const wasInDoubt = trust.doubt !== undefined;
      const ended = await this.#watch(signal);
      if (signal.aborted) return;
      if (ended === 'behind') {
        lists = 1;
        continue;
      }
      const { error, hasBegun } = ended;
      if (hasBegun) isAnswered = false;
      if (hasBegun && error === undefined) lists = 0;
      if (error instanceof KubernetesError && error.status === 410 && lists === 0) {
        replica.resourceVersion = undefined;
        continue;
      }
      if (error !== undefined) {
        const isOldNews = wasInDoubt && error instanceof SilentWatch;
        if (!isAnswered && !isOldNews) throw error;
        const isUnreachable = error instanceof KubernetesError && error.unreachable;
        if (!isOldNews) trust.onRefused(messageOf(error), retryAfterMs(error), isUnreachable);
      }
      if (trust.doubt !== undefined) {
        await trust.due(signal);
        isListDue = true;
        if (!isVersionGood(error)) replica.resourceVersion = undefined;
      }
    }
  }

  /** Lists the service. `beside`: a watch is open; then the result is true when the list has a change that the watch has not sent. */
  async #list(beside: boolean, signal: AbortSignal): Promise<boolean> {
    const { client, clock } = this.#env;
    const startedMs = clock.nowMs();
    const listing = await listMirror(client, this.service, this.#replica.mirror, signal);
    if (signal.aborted) return false;
    const isNews = beside && this.#replica.isNews(listing);
    if (isNews || !beside) {
      this.#replica.adopt(listing);
      this.#isSynced = true;
      this.#ring();
    }
    this.#trust.onListed(isNews, clock.nowMs() - startedMs);
    return isNews;
  }

  /** Watches until the watch is over, or until a list shows that it is behind. Throws when a list fails. */
  async #watch(signal: AbortSignal): Promise<Ended | 'behind'> {
    const trust = this.#trust;
    const stop = new AbortController();
    const own = AbortSignal.any([signal, stop.signal]);
    let over: Ended | undefined;
    const running = watchOnce(this.#replica, this.#watching, own).then((ended) => {
      over = ended;
    });
    try {
      while (over === undefined && !signal.aborted) {
        await Promise.race([running, trust.due(own)]);
        if (over !== undefined || signal.aborted) break;
        if (await this.#list(true, signal)) return 'behind';
      }
      return over ?? GONE;
    } finally {
      stop.abort();
    }
  }

  #onOpen(): void {
    this.#replica.isStoreInDoubt = false;
    this.#wasUnreachable = false;
    this.#pace.onOpen();
    // The objects are known from before the failure.
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#ring();
  }

  #ring(): void {
    for (const subscription of this.#subscriptions) subscription.raise();
  }

  #fail(error: unknown): void {
    if (!isVersionGood(error)) this.#replica.resourceVersion = undefined;
    this.#replica.isStoreInDoubt = true;
    this.#isSynced = false;
    this.#running = undefined;
    this.#trust.stop();
    if (error instanceof KubernetesError) {
      if (error.unreachable) {
        this.#env.client.forgetIdle(error);
        this.#trust.onLost();
      }
      this.#wasUnreachable = error.unreachable;
    }
    this.failedAtMs = this.#env.clock.nowMs();
    this.#pace.onFailed(retryAfterMs(error));
    const subscriptions = [...this.#subscriptions];
    this.#subscriptions.clear();
    for (const subscription of subscriptions) subscription.fail(error);
  }
}

function retryAfterMs(error: unknown): number {
  const askedMs = error instanceof KubernetesError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(askedMs, MAX_RETRY_AFTER_MS);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
