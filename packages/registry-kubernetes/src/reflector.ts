import { setImmediate } from 'node:timers/promises';
import { type Clock, pause, type Random } from '@podwire/registry';
import type { ApiClient } from './api/client.ts';
import { BrokenAnswer, KubernetesError } from './api/error.ts';
import { probe, type ServiceKey } from './api/list.ts';
import { watch } from './api/watch.ts';
import { listMirror, Mirror } from './mirror.ts';
import { isAtOrAfter, isBefore, isVersionGood } from './resource-version.ts';
import { Seat } from './seat.ts';
import { ENDPOINT_SLICES, nameOf, resourceVersionOf, uidOf } from './slices/resource.ts';
import type { ServiceObject } from './slices/service-object.ts';

export interface ReflectorEnv {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly idleTimeoutMs: number;
  /** Nobody looks any more. */
  readonly onUnused: () => void;
}

/** As client-go: the server ends each watch after 5 to 10 minutes, so that clients spread over API servers again. */
const MIN_WATCH_S = 300;
/**
 * A watch that ends sooner, without a line, is one that the server could not serve from where we asked. One that said
 * something is cut by something on the way, and the next one waits.
 */
const SHORT_WATCH_MS = 2_000;
const FIRST_GAP_MS = 250;
const MAX_GAP_MS = 1_000;
/** Whatever the server asks for: who looks gives up after 30 s without a word. */
const MAX_RETRY_AFTER_MS = 20_000;

/**
 * Mirrors the objects of one service: lists them, then watches from there; what client-go calls a reflector. All who
 * look at the service in this process share it. After a failure it is started again by the first who returns, goes on
 * from the resource version it had where that is safe, and lists anew where it is not.
 */
export class Reflector {
  readonly service: ServiceKey;
  /** Undefined while somebody looks; on the clock's `nowMs`. */
  failedAtMs: number | undefined;
  readonly #env: ReflectorEnv;
  readonly #seats = new Set<Seat>();
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
  #wasUnreachable = false;
  #notBeforeMs = 0;

  constructor(service: ServiceKey, env: ReflectorEnv) {
    this.service = service;
    this.#env = env;
    this.#mirror = new Mirror(ENDPOINT_SLICES, service);
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
  join(): Seat {
    const seat = new Seat(() => this.#leave(seat));
    this.failedAtMs = undefined;
    this.#seats.add(seat);
    if (this.#isSynced) seat.ring();
    if (this.#running === undefined) {
      this.#running = new AbortController();
      void this.#run(this.#running.signal);
    }
    return seat;
  }

  #leave(seat: Seat): void {
    if (!this.#seats.delete(seat) || this.#seats.size > 0) return;
    this.#running?.abort();
    this.#running = undefined;
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
    this.#notBeforeMs = this.#env.clock.nowMs() + FIRST_GAP_MS;
    await this.#pause(signal);
    if (!signal.aborted) await this.#follow(signal);
  }

  /** However many look: one attempt in each gap. A single one comes back later than this by itself. */
  #pause(signal: AbortSignal): Promise<void> {
    const delayMs = this.#notBeforeMs - this.#env.clock.nowMs();
    if (delayMs <= 0) return Promise.resolve();
    return pause(this.#env.clock, delayMs, signal);
  }

  /** Never returns before it fails or `signal` aborts. At most two lists: what is too old right after a list stays so. */
  async #follow(signal: AbortSignal): Promise<void> {
    let lists = 0;
    if (this.#isStoreInDoubt && this.#resourceVersion !== undefined && !(await this.#isSameStore(signal))) {
      this.#resourceVersion = undefined;
    }
    while (!signal.aborted) {
      if (this.#resourceVersion === undefined) {
        lists += 1;
        await this.#list(signal);
      }
      try {
        await this.#watch(signal);
        lists = 0;
        // The server may have been upgraded, or have lacked them only while it started.
        if (this.#mirror.resource !== ENDPOINT_SLICES) this.#resourceVersion = undefined;
      } catch (error) {
        if (lists > 0) await this.#useList(error);
        if (!(error instanceof KubernetesError) || error.status !== 410 || lists > 0) throw error;
        this.#resourceVersion = undefined;
      }
    }
  }

  /**
   * A list is told of when its watch has begun, or has failed; but not when nobody may watch: that set would be as it is for
   * ever, and nobody would know until its Pods are gone.
   */
  async #useList(error: unknown): Promise<void> {
    if (this.#isSynced || (error instanceof KubernetesError && error.status === 403)) return;
    this.#isSynced = true;
    this.#ring();
    await setImmediate();
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { listed, resourceVersion } = await listMirror(
      this.#env.client,
      this.service,
      this.#mirror,
      signal,
    );
    if (signal.aborted) return;
    this.#mirror = listed;
    this.#resourceVersion = resourceVersion;
    this.#isStoreInDoubt = false;
    this.#isSynced = false;
    if (resourceVersion !== undefined) return;
    const error = new BrokenAnswer(`the list of ${this.resource} has no version to watch from`);
    await this.#useList(error);
    throw error;
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

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, clock, random, idleTimeoutMs } = this.#env;
    const events = watch(client, clock, {
      resource: this.#mirror.resource,
      service: this.service,
      resourceVersion: this.#resourceVersion!,
      timeoutSeconds: Math.round(MIN_WATCH_S * (1 + random())),
      idleTimeoutMs,
      signal,
      onOpen: () => this.#onOpen(),
    });
    const startedMs = clock.nowMs();
    let seen = 0;
    for await (const { type, object } of events) {
      seen += 1;
      this.#advance(resourceVersionOf(object));
      if (type === 'BOOKMARK') continue;
      this.#mirror.change(type, object);
      this.#ring();
    }
    if (signal.aborted) return;
    const isShort = clock.nowMs() - startedMs < SHORT_WATCH_MS;
    this.#shortWatches = isShort ? this.#shortWatches + 1 : 0;
    if (!isShort) return;
    // Known of API servers that lost track (https://github.com/kubernetes/kubernetes/issues/104171).
    if (seen === 0) {
      throw new BrokenAnswer('the API server ended the watch at once without saying anything; listing again');
    }
    this.#notBeforeMs = clock.nowMs() + gapMs(this.#shortWatches);
    await this.#pause(signal);
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
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#ring();
  }

  #ring(): void {
    for (const seat of this.#seats) seat.ring();
  }

  #fail(error: unknown): void {
    if (!isVersionGood(error)) this.#resourceVersion = undefined;
    this.#isStoreInDoubt = true;
    this.#isSynced = false;
    this.#running = undefined;
    this.#failures += 1;
    if (error instanceof KubernetesError) {
      if (error.unreachable) this.#env.client.forgetIdle(error);
      this.#wasUnreachable = error.unreachable;
    }
    const askedMs = error instanceof KubernetesError ? (error.retryAfterMs ?? 0) : 0;
    this.failedAtMs = this.#env.clock.nowMs();
    this.#notBeforeMs =
      this.failedAtMs + Math.max(gapMs(this.#failures), Math.min(askedMs, MAX_RETRY_AFTER_MS));
    const seats = [...this.#seats];
    this.#seats.clear();
    for (const seat of seats) seat.fail(error);
  }
}

function gapMs(times: number): number {
  return Math.min(FIRST_GAP_MS * 2 ** (times - 1), MAX_GAP_MS);
}
