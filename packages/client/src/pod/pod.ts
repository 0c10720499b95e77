// Long because a Pod is where connections, weight, reasons and load meet, and what a pick reads must lie on one object.
import {
  type AttemptFacts,
  Block,
  type Evidence,
  LoadMeter,
  type LoadTotal,
  type MethodNorm,
  type Pod,
  type PodRecord,
} from '@podwire/balancer';
import type { StallMeter, Timer } from '@podwire/core';
import type { RawHeaders } from '@podwire/http2';
import type { Endpoint } from '@podwire/registry';
import type { Env } from '../env.ts';
import { endpointHeaders, NO_HEADERS } from '../headers/endpoint-headers.ts';
import type { ConnectionPool } from './connection-pool.ts';
import type { ConnectionsUser, PodConnections } from './connections.ts';
import type { HealthStatus } from './health-status.ts';
import { type PodRank, rankOf } from './rank.ts';
import type { PodState } from './state.ts';

/** The longest pause that a Pod may ask for. */
const MAX_PAUSE_MS = 10_000;

/** An open attempt, which is itself a node in the list of those that may become overdue. */
export interface WatchedAttempt extends AttemptFacts<ClientPod> {
  evidence: Evidence;
  readonly norm: MethodNorm;
  /** The stall meter when it was sent. */
  readonly stalledMs: number;
  /** The next older attempt of the list, and the next newer one. */
  olderOpen: WatchedAttempt | undefined;
  newerOpen: WatchedAttempt | undefined;
  isListed: boolean;
}

/** The monitors of a cluster, which are told of every attempt. */
export interface AttemptWatcher {
  onAttemptStart(attempt: WatchedAttempt): void;
  onAttemptEnd(attempt: WatchedAttempt): void;
}

/** The cluster that a Pod is in, as the Pod knows it. */
export interface PodOwner {
  readonly env: Env;
  readonly pool: ConnectionPool;
  /** Calls in flight over all Pods of the set. */
  readonly total: LoadTotal;
  readonly monitors: AttemptWatcher | undefined;
  readonly stalls: StallMeter;
  /** The bits of `Block` that keep calls away: all, unless too few Pods are left. */
  readonly heeded: number;
  /** For how long the policy keeps a suspect Pod: affinity to one Pod is worth more than a short wait. */
  readonly divertsAfterMs: number;
  /** The most calls that one Pod holds; 0 is no limit. */
  readonly maxCallsPerPod: number;
  /** Whether no Pod of the set takes calls now. */
  isDown(): boolean;
  /** The Pod's state changed. */
  onState(pod: ClientPod): void;
  /** A monitor changed the Pod's weight. */
  onWeight(pod: ClientPod): void;
  /** Whether another Pod of the set was heard since this one became suspect. */
  hearsOthers(pod: ClientPod): boolean;
  /** The Pod became suspect, or was heard again. */
  onSuspect(pod: ClientPod): void;
  /** The Pod's rank changed. */
  onRank(before: PodRank, pod: ClientPod): void;
  /** The Pod can take calls again, or no longer, in the same state. */
  onRoom(pod: ClientPod): void;
}

/**
 * One Pod as one cluster sees it: its load, its weight, whether it is blocked. Its connections may serve other clusters, too. A cluster
 * makes it once per endpoint id, and keeps it over registry updates and new pickers.
 */
export class ClientPod implements Pod, ConnectionsUser {
  readonly id: string;
  readonly load: LoadMeter;
  endpoint: Endpoint;
  available = false;
  /** The registry's weight times the factors of monitors. */
  weight: number;
  ramp = 1;
  /** Bits of `Block`. */
  blocked = 0;
  /** Whether the policy may choose it although it is ejected: for one call. */
  onProbation = false;
  /** When that began. */
  probationMs = 0;
  record: PodRecord | undefined;
  rank: PodRank = 'out';
  /** Since when it owes replies and is silent; undefined if it is not suspect. */
  suspectSinceMs: number | undefined;
  /** Runs until calls are diverted from it. */
  #divert: Timer | undefined;
  /** Calls that count for a limit: those in flight, except streams that have delivered something. */
  held = 0;
  /** Whether it can take a call that names it: like `available`, but regardless of weight and blocks. */
  hasRoom = false;
  state: PodState = 'idle';
  /** What it says of its health; undefined while that is not watched. */
  health: HealthStatus | undefined;
  readonly owner: PodOwner;
  readonly connections: PodConnections;
  wantsConnection = false;
  /** For the cluster: the set that named the Pod last, as the cluster counts them. */
  generation = 0;
  /** For the cluster: whether the Pod was ready when the picker was built last. */
  picked = false;
  /** The factor of each monitor; undefined while there is none. */
  #factors: Map<object, number> | undefined;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #pauseTimer: Timer | undefined;
  #timer: Timer | undefined;
  #headers: RawHeaders = NO_HEADERS;
  /** The attributes from which `#headers` were read. */
  #headersOf: Endpoint['attributes'] | undefined;

  constructor(endpoint: Endpoint, owner: PodOwner) {
    this.load = new LoadMeter(owner.total);
    this.id = endpoint.id;
    this.endpoint = endpoint;
    this.weight = endpoint.weight;
    this.owner = owner;
    this.connections = owner.pool.to(endpoint);
    this.connections.add(this);
  }

  /** The headers that every call on this Pod carries: the same array until the registry changes them. */
  get headers(): RawHeaders {
    const { attributes } = this.endpoint;
    if (this.#headersOf !== attributes) {
      this.#headersOf = attributes;
      this.#headers = endpointHeaders(attributes);
    }
    return this.#headers;
  }

  get isConnected(): boolean {
    return this.state === 'ready' && this.endpoint.phase === 'serving';
  }

  /** Whether the last attempt to connect failed; holds until one succeeds. */
  get failing(): boolean {
    return this.connections.failing;
  }

  get lastError(): string | undefined {
    return this.connections.lastError;
  }

  get wantsRoom(): boolean {
    return this.wantsConnection && this.endpoint.phase === 'serving';
  }

  isDown(): boolean {
    return this.owner.isDown();
  }

  /** Makes a connection unless there is one, or one is under way. */
  connect(): void {
    if (this.state !== 'idle' && this.state !== 'draining') return;
    this.#timer?.cancel();
    this.wantsConnection = true;
    this.connections.connect();
    this.onConnectionsState();
  }

  /** Disconnects until `connect` is called again: its calls finish, and attempts and waits are given up. */
  rest(): void {
    if (!this.wantsConnection) return;
    this.wantsConnection = false;
    this.#setState('idle');
    this.connections.release();
  }

  /** It left the set and is back, and may not be wanted for long: nothing closes it meanwhile. */
  stay(): void {
    if (this.state !== 'draining') return;
    this.#timer?.cancel();
    this.#setState('idle');
  }

  /** No Pod takes calls any more: shortens a wait that has begun. */
  hasten(): void {
    if (this.state === 'backoff') this.connections.hasten();
  }

  /** Takes a newer description. */
  update(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    this.#weigh();
    this.refresh();
  }

  /** Takes the Pod out of the policy's choice, for a reason of `Block`. Calls that it has, and calls that name it, go on. */
  block(why: number): void {
    this.blocked |= why;
    this.refresh();
  }

  /** Takes a reason back. The policy may choose the Pod again once there is no reason left. */
  unblock(why: number): void {
    this.blocked &= ~why;
    this.refresh();
  }

  /** A call is sent to it. For each, one `letGo` follows. */
  hold(): void {
    this.held += 1;
    if (this.held === this.owner.maxCallsPerPod) this.refresh();
  }

  /** A call ended, or a stream delivered its first message. */
  letGo(): void {
    this.held -= 1;
    if (this.held + 1 === this.owner.maxCallsPerPod) this.refresh();
  }

  /** The Pod asked for a pause: new calls go elsewhere, as long as another Pod takes them. */
  pause(forMs: number): void {
    const { clock } = this.owner.env;
    const untilMs = clock.nowMs() + Math.min(forMs, MAX_PAUSE_MS);
    if (untilMs <= this.#pausedUntilMs || this.state === 'closed') return;
    this.#pausedUntilMs = untilMs;
    this.#pauseTimer?.cancel();
    this.#pauseTimer = clock.after(untilMs - clock.nowMs(), () => this.unblock(Block.PUSHBACK));
    this.block(Block.PUSHBACK);
  }

  /** Lets the policy choose the Pod although it is ejected, or no longer. */
  probe(isOpen: boolean): void {
    if (isOpen && !this.onProbation) this.probationMs = this.owner.env.clock.nowMs();
    this.onProbation = isOpen;
    this.refresh();
  }

  /** Multiplies the weight by a factor of 0 or more, one for each monitor; 1 takes it back. */
  weigh(monitor: object, factor: number): void {
    this.#factors ??= new Map();
    if (factor === 1) this.#factors.delete(monitor);
    else this.#factors.set(monitor, factor);
    this.#reweigh();
  }

  /** Sets the part of its weight that it has while it is new. */
  setRamp(part: number): void {
    if (this.ramp === part) return;
    this.ramp = part;
    this.#reweigh();
  }

  #reweigh(): void {
    const before = this.weight;
    this.#weigh();
    if (this.weight === before) return;
    this.refresh();
    this.owner.onWeight(this);
  }

  /** Takes no more calls; closes when its calls have ended, or after `graceMs`. */
  drain(graceMs: number): void {
    if (this.state === 'closed' || this.state === 'draining') return;
    this.wantsConnection = false;
    this.connections.release();
    this.#setState('draining');
    this.#timer = this.owner.env.clock.after(graceMs, () => this.close('the Pod left the service'));
    this.closeIfDrained();
  }

  /** Closes now and ends every call, except calls on connections that another cluster uses. */
  close(reason: string): void {
    if (this.state === 'closed') return;
    this.#timer?.cancel();
    this.#divert?.cancel();
    this.#pauseTimer?.cancel();
    this.wantsConnection = false;
    this.#setState('closed');
    this.connections.remove(this, reason);
  }

  onConnectionsState(): void {
    const { state } = this.connections;
    if (this.wantsConnection && state !== 'idle') this.#setState(state);
  }

  onConnectionsRoom(): void {
    this.refresh();
  }

  onConnectionsSuspect(): void {
    const { isSuspect } = this.connections;
    if (isSuspect === (this.suspectSinceMs !== undefined)) return;
    const { clock } = this.owner.env;
    this.suspectSinceMs = isSuspect ? clock.nowMs() : undefined;
    this.#divert?.cancel();
    const { divertsAfterMs } = this.owner;
    if (!isSuspect) this.unblock(Block.SUSPECT);
    else if (divertsAfterMs === 0) this.block(Block.SUSPECT);
    else this.#divert = clock.after(divertsAfterMs, () => this.block(Block.SUSPECT));
    this.owner.onSuspect(this);
  }

  hearsOthers(): boolean {
    return this.owner.hearsOthers(this);
  }

  onConnectionGone(): void {
    this.closeIfDrained();
  }

  /** A connection is gone, or the last call has ended. */
  closeIfDrained(): void {
    if (this.state !== 'draining') return;
    // Other clusters may keep the connections open. Then this Pod is gone when its own calls are.
    const isEmpty = this.connections.isWanted ? this.load.inFlight === 0 : this.connections.count === 0;
    if (isEmpty) this.close('drained');
  }

  #weigh(): void {
    this.weight = this.endpoint.weight * this.ramp;
    if (this.#factors !== undefined) for (const factor of this.#factors.values()) this.weight *= factor;
  }

  #setState(state: PodState): void {
    if (this.state === state) return this.refresh();
    this.state = state;
    this.#look();
    this.#rate();
    this.owner.onState(this);
  }

  /** Works out `hasRoom` and `available`; returns whether either changed. */
  #look(): boolean {
    const { hasRoom, available } = this;
    const { maxCallsPerPod } = this.owner;
    const isLimited = maxCallsPerPod > 0 && this.held >= maxCallsPerPod;
    this.hasRoom = this.isConnected && this.connections.hasRoom && !isLimited;
    // The weight is checked here, too, because the picker may not know of its change yet.
    const reasons = this.blocked & this.owner.heeded;
    const isFree = reasons === 0 || (this.onProbation && reasons === Block.EJECTED);
    this.available = this.hasRoom && this.weight > 0 && isFree;
    return this.hasRoom !== hasRoom || this.available !== available;
  }

  /** Something changed that decides whether it takes calls. */
  refresh(): void {
    const changed = this.#look();
    this.#rate();
    if (changed) this.owner.onRoom(this);
  }

  /** Works out the rank. Done after the rest, because the cluster may change its mind on all of its Pods. */
  #rate(): void {
    const before = this.rank;
    this.rank = rankOf(this);
    if (this.rank !== before) this.owner.onRank(before, this);
  }
}
