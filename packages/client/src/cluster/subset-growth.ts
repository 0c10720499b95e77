import { canServe, type SubsetOptions, selectSubset } from '@podwire/balancer';
import { type Clock, type Timer, timers } from '@podwire/core';
import type { Endpoint } from '@podwire/registry';
import type { ClientPod } from '../pod/pod.ts';

/** More than half of the subset has to be out for so long. */
const GROWS_AFTER_MS = 5_000;
/** For so long may all Pods be without their connection, which a server may end at any time: a new one is usually there sooner. */
const RECONNECT_MS = 50;
/** The subset has to be well for so long before the further Pods are given up. */
const SHRINKS_AFTER_MS = 60_000;

/** The set and the cluster over which a subset grows. */
export interface SubsetParts {
  readonly clock: Clock;
  readonly options: SubsetOptions;
  /** The cluster's Pods, by id. */
  readonly pods: () => ReadonlyMap<string, ClientPod>;
  /** Takes other Pods into use. */
  readonly use: (endpoints: readonly Endpoint[]) => void;
}

/**
 * Chooses the Pods to connect to from a large set, and more of them while those do not suffice: when more than half are out (without a
 * connection, or blocked) for a while, or none is left, the stretch of the ring grows by as many as are missing, to twice its size at
 * most. It shrinks when its own Pods have been back for a minute. While all is well there is no timer.
 */
export class SubsetGrowth {
  readonly #parts: SubsetParts;
  #endpoints: readonly Endpoint[] = [];
  /** The Pods of the subset as it was asked for, by id. */
  #own: ReadonlySet<string> = new Set();
  /** How many Pods the subset should have; fewer than was asked for in a small set. */
  #size = 0;
  /** By how many Pods it may grow. */
  #limit = 0;
  #extra = 0;
  #lowSinceMs: number | undefined;
  #noneSinceMs: number | undefined;
  #wellSinceMs: number | undefined;
  #timer: Timer | undefined;
  #isPlanned = false;
  #isClosed = false;

  constructor(parts: SubsetParts) {
    this.#parts = parts;
  }

  /** Takes a new set. */
  onSet(endpoints: readonly Endpoint[]): void {
    const { options } = this.#parts;
    const able = endpoints.reduce((count, endpoint) => count + (canServe(endpoint) ? 1 : 0), 0);
    this.#endpoints = endpoints;
    this.#size = Math.min(options.size, able);
    this.#limit = Math.min(options.size, able - this.#size);
    this.#extra = Math.min(this.#extra, this.#limit);
    this.#own = new Set(selectSubset(endpoints, options).map(({ id }) => id));
    this.#use();
  }

  /** Call it when a Pod is lost or back. It looks once for all that happens in one turn, and changes no set while Pods change. */
  look(): void {
    if (this.#isPlanned || this.#isClosed || (this.#limit === 0 && this.#timer === undefined)) return;
    this.#isPlanned = true;
    timers.nextTick(() => {
      this.#isPlanned = false;
      if (!this.#isClosed) this.#look();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #use(): void {
    const { options, use } = this.#parts;
    use(selectSubset(this.#endpoints, { ...options, size: options.size + this.#extra }));
    this.look();
  }

  #look(): void {
    const nowMs = this.#parts.clock.nowMs();
    const { able, ownAble, gone, lost } = this.#count();
    const mayGrow = this.#extra < this.#limit;
    const isLow = mayGrow && able * 2 < this.#size;
    const isNone = mayGrow && able === 0 && this.#size > 0;
    const isWell = this.#extra > 0 && ownAble * 2 >= this.#size;
    this.#lowSinceMs = isLow ? (this.#lowSinceMs ?? nowMs) : undefined;
    this.#noneSinceMs = isNone && lost ? (this.#noneSinceMs ?? nowMs) : undefined;
    this.#wellSinceMs = isWell ? (this.#wellSinceMs ?? nowMs) : undefined;
    const growsAtMs = isNone && gone ? nowMs : this.#growsAtMs();
    const shrinksAtMs = later(this.#wellSinceMs, SHRINKS_AFTER_MS);
    this.#timer?.cancel();
    this.#timer = undefined;
    if (growsAtMs <= nowMs) {
      const missing = able === 0 ? this.#limit : this.#size - able;
      return this.#resize(Math.min(this.#extra + missing, this.#limit));
    }
    if (shrinksAtMs <= nowMs) return this.#resize(0);
    const nextMs = Math.min(growsAtMs, shrinksAtMs);
    if (nextMs < Number.POSITIVE_INFINITY)
      this.#timer = this.#parts.clock.after(nextMs - nowMs, () => this.#look());
  }

  #growsAtMs(): number {
    return Math.min(later(this.#lowSinceMs, GROWS_AFTER_MS), later(this.#noneSinceMs, RECONNECT_MS));
  }

  #resize(extra: number): void {
    this.#extra = extra;
    this.#lowSinceMs = undefined;
    this.#noneSinceMs = undefined;
    this.#wellSinceMs = undefined;
    this.#use();
  }

  /**
   * How many Pods can take calls, and how many of the subset's own. `gone`: all others are known to be out. `lost`: they are, or lost
   * their connection just now. A Pod that is connected to for the first time is neither.
   */
  #count(): {
    readonly able: number;
    readonly ownAble: number;
    readonly gone: boolean;
    readonly lost: boolean;
  } {
    let able = 0;
    let ownAble = 0;
    let gone = true;
    let lost = true;
    for (const pod of this.#parts.pods().values()) {
      const { rank, failing } = pod;
      // A policy that uses one Pod at a time keeps the others for later.
      const isKept = pod.state === 'idle' && !failing && canServe(pod.endpoint);
      if (rank === 'sound' || isKept) {
        able += 1;
        if (this.#own.has(pod.id)) ownAble += 1;
      } else if (rank === 'lost' && !failing) {
        gone = false;
        lost &&= pod.connections.lost;
      }
    }
    return { able, ownAble, gone, lost };
  }
}

/** The time so long after another; never, if that is not given. */
function later(sinceMs: number | undefined, afterMs: number): number {
  return sinceMs === undefined ? Number.POSITIVE_INFINITY : sinceMs + afterMs;
}
