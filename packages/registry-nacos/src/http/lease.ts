import type { Timer } from '@podwire/core';
import { RetryDelay } from '@podwire/registry';
import type { Instance } from '../announce/publisher.ts';
import { NacosError } from '../error.ts';
import type { Settings } from '../options.ts';
import type { ServiceRef } from '../service-ref.ts';
import type { NamingApi } from './naming-api.ts';

/** Between heartbeats, unless Nacos says otherwise. Without them Nacos marks an instance unhealthy after 15 s, and removes it after 30 s. */
const BEAT_MS = 5_000;
const LEAST_BEAT_MS = 100;
const MOST_BEAT_MS = 30_000;

/** Keeps one instance in Nacos with heartbeats, and registers its last state again when Nacos has lost it. */
export class Lease {
  readonly #api: NamingApi;
  readonly #settings: Settings;
  readonly #ref: ServiceRef;
  readonly #delay: RetryDelay;
  /** Requests go one after another, so that no older state overtakes a newer one. */
  #tail: Promise<unknown> = Promise.resolve();
  #instance: Instance | undefined;
  /** Whether Nacos has the instance as it is here. */
  #isKnown = false;
  #isOver = false;
  #timer: Timer | undefined;

  constructor(api: NamingApi, settings: Settings, ref: ServiceRef) {
    this.#api = api;
    this.#settings = settings;
    this.#ref = ref;
    this.#delay = new RetryDelay(settings.random);
  }

  /**
   * Registers the instance, or changes it. Rejects when that fails. If Nacos refused, the earlier registration stays; if no server
   * answered, the next heartbeat registers the new state.
   */
  put(instance: Instance): Promise<void> {
    return this.#queue(async () => {
      if (this.#isOver) return;
      try {
        await this.#api.register(this.#ref, instance);
      } catch (error) {
        // The registration may have taken effect all the same.
        this.#isKnown = false;
        if (error instanceof NacosError && error.unreachable) this.#instance = instance;
        throw error;
      }
      this.#instance = instance;
      this.#isKnown = true;
      this.#plan(BEAT_MS);
    });
  }

  /** Deregisters. Rejects when Nacos does not answer: without heartbeats the instance gets no calls after 15 s, and leaves after 30. */
  remove(): Promise<void> {
    this.#isOver = true;
    this.#timer?.cancel();
    return this.#queue(async () => {
      if (this.#instance !== undefined) await this.#api.deregister(this.#ref, this.#instance);
    });
  }

  #plan(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isOver) return;
    this.#timer = this.#settings.clock.after(delayMs, () => void this.#queue(() => this.#beat()));
  }

  async #beat(): Promise<void> {
    const instance = this.#instance;
    if (this.#isOver || instance === undefined) return;
    const { clock } = this.#settings;
    const startedMs = clock.nowMs();
    try {
      let intervalMs: unknown = BEAT_MS;
      if (this.#isKnown) {
        const answer = await this.#api.beat(this.#ref, instance);
        this.#isKnown = answer.isKnown;
        intervalMs = answer.intervalMs;
      }
      if (this.#isOver) return;
      if (!this.#isKnown) await this.#api.register(this.#ref, instance);
      this.#isKnown = true;
      this.#delay.reset();
      const isUsable = typeof intervalMs === 'number' && intervalMs >= LEAST_BEAT_MS;
      this.#plan(isUsable ? Math.min(intervalMs as number, MOST_BEAT_MS) : BEAT_MS);
    } catch (error) {
      this.#plan(this.#delay.next(error, clock.nowMs() - startedMs));
    }
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => {});
    return done;
  }
}
