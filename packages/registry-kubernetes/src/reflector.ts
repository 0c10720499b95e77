import { type Clock, exponentialMs, pause, type Random } from '@podwire/core';
import type { ApiClient } from './api/client.ts';
import { BrokenAnswer, KubernetesError, SilentWatch } from './api/error.ts';
import { probe, type ServiceKey } from './api/list.ts';
import { watch } from './api/watch.ts';
import { listMirror, Mirror } from './mirror.ts';
import { ReflectorSubscription } from './reflector-subscription.ts';
import { isAtOrAfter, isBefore, isVersionGood } from './resource-version.ts';
import { ENDPOINT_SLICES, nameOf, resourceVersionOf, uidOf } from './slices/resource.ts';
import type { ServiceObject } from './slices/service-object.ts';
import { Trust } from './trust.ts';

export interface ReflectorEnv {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly idleTimeoutMs: number;
  /** The last watcher left. */
  readonly onUnused: () => void;
}

/** As client-go: the server ends each watch after 5 to 10 minutes, so that clients spread over API servers again. */
const MIN_WATCH_S = 300;
/**
 * A watch that ends sooner, without a line, is one that the server could not serve from where we asked, or that something on
 * the way does not let pass. One that said something is cut by something on the way, and the next one waits.
 */
const SHORT_WATCH_MS = 2_000;
const GAP = { initialMs: 250, maxMs: 1_000, multiplier: 2 };
/** Whatever the server asks for: a watcher gives up after 30 s without a word. */
const MAX_RETRY_AFTER_MS = 20_000;

/** How a watch ended: without an error in good order. */
interface Ended {
  readonly error: unknown;
  /** Whether it said something, or stayed open for a while. */
  readonly hasBegun: boolean;
}

/** Of a watch that was ended from here. */
const GONE: Ended = { error: undefined, hasBegun: true };

/**
 * Mirrors the objects of one service: lists them, then watches from there; what client-go calls a reflector. All who
 * look at the service in this process share it. After a failure the first watcher that returns starts it again; it goes on
 * from the resource version it had where that is safe, and lists anew where it is not.
 */
export class Reflector {
  readonly service: ServiceKey;
  /** Undefined while it has a watcher; on the clock's `nowMs`. */
  failedAtMs: number | undefined;
  readonly #env: ReflectorEnv;
  readonly #subscriptions = new Set<ReflectorSubscription>();
  readonly #trust: Trust;
  #mirror: Mirror;
  /** Where a watch may go on. */
  #resourceVersion: string | undefined;
  /** The connection broke: is it still the store that the resource version is of? */
  #isStoreInDoubt = false;
  #running: AbortController | undefined;
  #isSynced = false;
  /** In a row: since then nothing went well. */
  #failures = 0;
  #shortWatches = 0;
  /** Short ones that said nothing. */
  #barrenWatches = 0;
  #wasUnreachable = false;
  #notBeforeMs = 0;

  constructor(service: ServiceKey, env: ReflectorEnv) {
    this.service = service;
    this.#env = env;
    this.#mirror = new Mirror(ENDPOINT_SLICES, service);
    this.#trust = new Trust({ ...env, onChange: () => this.#ring() });
  }

  /** Why watches are not relied on and the service is listed again and again; undefined while they are. */
  get doubt(): string | undefined {
    return this.#trust.told;
  }

  /** A caller has reason to think that the API server knows better by now. */
  recheck(): void {
    this.#trust.recheck();
  }

  get objects(): Iterable<ServiceObject> {
    return this.#mirror.objects;
  }

  /** Objects of the list without a name or of another service: nothing more can be said of them. */
  get unusable(): readonly string[] {
    return this.#mirror.unusable;
  }

  /** Such objects that came since. */
  get strays(): readonly string[] {
    return this.#mirror.strays;
  }

  /** What is looked at, as RBAC names it. */
  get resource(): string {
    return this.#mirror.resource.fullName;
  }

  /** Takes part in what is seen from now on. The first starts the watch, and the last to leave ends it. */
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
      await this.#pause(signal);
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
    this.#notBeforeMs = this.#env.clock.nowMs() + GAP.initialMs;
    await this.#pause(signal);
    if (!signal.aborted) await this.#follow(signal);
  }

  /** However many look: one attempt in each gap. A single one comes back later than this by itself. */
  #pause(signal: AbortSignal): Promise<void> {
    const delayMs = this.#notBeforeMs - this.#env.clock.nowMs();
    if (delayMs <= 0) return Promise.resolve();
    return pause(this.#env.clock, delayMs, signal);
  }

  /**
   * Never returns before it fails or `signal` aborts. It fails when nothing passes and when a watch breaks off. Where lists pass
   * and watches do not begin, the service is listed again and again: what is known must not stay as it is for ever.
   */
  async #follow(signal: AbortSignal): Promise<void> {
    const trust = this.#trust;
    /** Since a watch began: to fail then is to have lost the API server. */
    let isAnswered = false;
    // That the store is the same says nothing of what was missed where no watch goes on from there.
    if (trust.doubt !== undefined) this.#resourceVersion = undefined;
    else if (this.#isStoreInDoubt && this.#resourceVersion !== undefined) {
      isAnswered = await this.#isSameStore(signal);
      if (!isAnswered) this.#resourceVersion = undefined;
    }
    /** Since then, too: what is too old right after a list stays so. */
    let lists = 0;
    /** Until a list has passed, the version stays: a watch may still go on from it. */
    let isListDue = false;
    while (!signal.aborted) {
      if (isListDue || this.#resourceVersion === undefined) {
        await this.#list(signal);
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
        this.#resourceVersion = undefined;
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
        if (!isVersionGood(error)) this.#resourceVersion = undefined;
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const startedMs = this.#env.clock.nowMs();
    const { client } = this.#env;
    const { listed, resourceVersion } = await listMirror(client, this.service, this.#mirror, signal);
    if (signal.aborted) return;
    this.#adopt(listed, resourceVersion);
    this.#trust.onListed(false, this.#env.clock.nowMs() - startedMs);
  }

  /** A list beside a watch; true when it says what the watch has not told. */
  async #listBeside(signal: AbortSignal): Promise<boolean> {
    const startedMs = this.#env.clock.nowMs();
    const { client } = this.#env;
    const { listed, resourceVersion } = await listMirror(client, this.service, this.#mirror, signal);
    if (signal.aborted) return false;
    // A list that is older than what the watch told meanwhile says nothing new.
    const isNews = !isBefore(resourceVersion, this.#resourceVersion) && !listed.isLike(this.#mirror);
    if (isNews) this.#adopt(listed, resourceVersion);
    this.#trust.onListed(isNews, this.#env.clock.nowMs() - startedMs);
    return isNews;
  }

  #adopt(listed: Mirror, resourceVersion: string | undefined): void {
    this.#mirror = listed;
    this.#resourceVersion = resourceVersion;
    this.#isStoreInDoubt = false;
    this.#isSynced = true;
    this.#ring();
  }

  /**
   * Whether the store is still the one, and not behind, where we stopped. One that was wiped or restored may be at a lower
   * version, from which a watch would be silent for ever, or hold other objects under the same names, or older ones. One small request
   * instead of a full list from every client at once when an API server comes back.
   */
  async #isSameStore(signal: AbortSignal): Promise<boolean> {
    const { client } = this.#env;
    const { first, resourceVersion } = await probe(client, this.#mirror.resource, this.service, signal);
    if (!isAtOrAfter(resourceVersion, this.#resourceVersion)) return false;
    if (first === undefined) return this.#mirror.size === 0;
    const known = this.#mirror.get(nameOf(first) ?? '');
    if (known === undefined || known.uid !== uidOf(first)) return false;
    // We saw all up to our version: what is not as we know it must have changed since. In a store restored from a backup, it did not.
    const version = resourceVersionOf(first);
    return version === known.resourceVersion || isBefore(this.#resourceVersion, version);
  }

  /** Watches until the watch is over, or until a list shows that it is behind. Throws when a list fails. */
  async #watch(signal: AbortSignal): Promise<Ended | 'behind'> {
    const trust = this.#trust;
    const stop = new AbortController();
    const own = AbortSignal.any([signal, stop.signal]);
    let over: Ended | undefined;
    const running = this.#runWatch(own).then((ended) => {
      over = ended;
    });
    try {
      while (over === undefined && !signal.aborted) {
        await Promise.race([running, trust.due(own)]);
        if (over !== undefined || signal.aborted) break;
        if (await this.#listBeside(signal)) return 'behind';
      }
      return over ?? GONE;
    } finally {
      stop.abort();
    }
  }

  /** One watch, from where we are. Never throws. */
  async #runWatch(signal: AbortSignal): Promise<Ended> {
    const { client, clock, random, idleTimeoutMs } = this.#env;
    const trust = this.#trust;
    if (this.#resourceVersion === undefined) {
      return {
        error: new BrokenAnswer(`the list of ${this.resource} has no version to watch from`),
        hasBegun: false,
      };
    }
    const events = watch(client, clock, {
      resource: this.#mirror.resource,
      service: this.service,
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: Math.round(MIN_WATCH_S * (1 + random())),
      idleTimeoutMs,
      signal,
      onSent: () => trust.onSent(),
      onOpen: () => {
        openedMs = clock.nowMs();
        this.#onOpen();
        trust.onOpen();
      },
    });
    let openedMs: number | undefined;
    let lines = 0;
    let error: unknown;
    trust.onAsked();
    try {
      for await (const { type, object } of events) {
        if (signal.aborted) break;
        lines += 1;
        this.#advance(resourceVersionOf(object));
        trust.onLine();
        if (type === 'BOOKMARK') continue;
        this.#mirror.change(type, object);
        this.#ring();
      }
    } catch (thrown) {
      error = thrown;
    }
    if (signal.aborted) return GONE;
    if (error instanceof SilentWatch) trust.onSilence();
    trust.onOver();
    const isShort = openedMs === undefined || clock.nowMs() - openedMs < SHORT_WATCH_MS;
    this.#shortWatches = isShort ? this.#shortWatches + 1 : 0;
    this.#barrenWatches = isShort && lines === 0 ? this.#barrenWatches + 1 : 0;
    // One that is cut had begun, unless none before it lasted any longer.
    const isCut = openedMs !== undefined && error !== undefined && this.#barrenWatches === 1;
    const hasBegun = this.#barrenWatches === 0 || isCut;
    // Known of API servers that lost track (https://github.com/kubernetes/kubernetes/issues/104171).
    if (!hasBegun)
      error ??= new BrokenAnswer('the API server ended the watch at once without saying anything');
    if (isShort && error === undefined) {
      this.#notBeforeMs = clock.nowMs() + exponentialMs(GAP, this.#shortWatches);
      await this.#pause(signal);
    }
    // The server may have been upgraded, or have lacked them only while it started.
    if (error === undefined && this.#mirror.resource !== ENDPOINT_SLICES) this.#resourceVersion = undefined;
    return { error, hasBegun };
  }

  /** Versions of one store only grow: where they do not, it is another one, or what was missed is not known. */
  #advance(version: string | undefined): void {
    if (version === undefined) throw new BrokenAnswer('the watch sent an object without a version');
    if (isBefore(version, this.#resourceVersion)) {
      const from = this.#resourceVersion;
      throw new BrokenAnswer(
        `the watch went back from version ${from} to ${version.slice(0, 40)}; listing again`,
      );
    }
    this.#resourceVersion = version;
  }

  #onOpen(): void {
    this.#isStoreInDoubt = false;
    this.#wasUnreachable = false;
    this.#failures = 0;
    // Of a store that is known from before.
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#ring();
  }

  #ring(): void {
    for (const subscription of this.#subscriptions) subscription.raise();
  }

  #fail(error: unknown): void {
    if (!isVersionGood(error)) this.#resourceVersion = undefined;
    this.#isStoreInDoubt = true;
    this.#isSynced = false;
    this.#running = undefined;
    this.#trust.stop();
    this.#failures += 1;
    if (error instanceof KubernetesError) {
      if (error.unreachable) {
        this.#env.client.forgetIdle(error);
        this.#trust.onLost();
      }
      this.#wasUnreachable = error.unreachable;
    }
    this.failedAtMs = this.#env.clock.nowMs();
    this.#notBeforeMs = this.failedAtMs + Math.max(exponentialMs(GAP, this.#failures), retryAfterMs(error));
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
