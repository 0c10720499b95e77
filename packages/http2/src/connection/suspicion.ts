import { TimeLimit } from '@podwire/core';
import type { CloseCause } from '../transport.ts';
import type { World } from './env.ts';
import type { PingAllowance } from './ping-allowance.ts';

/** The connection that is watched. */
export interface SuspectPeer {
  /** Grows with everything received. */
  readonly bytesReceived: number;
  /** When the last of them came. */
  readonly lastReadMs: number;
  /** Bytes that were sent since then. A PING waits behind them. */
  readonly bytesSentSinceRead: number;
  /** Sends a PING of its own kind. */
  probe(answered: () => void): void;
  onSuspect(isSuspect: boolean): void;
  /** Whether to give the connection up now that the PING was not answered. If not, it is asked again later. */
  mayGiveUp(): boolean;
  /** The peer did not answer. */
  onDead(cause: CloseCause): void;
}

/** The times of a suspicion, in milliseconds. */
export interface SuspicionTimes {
  /** The least silence that makes a Pod suspect. */
  readonly minMs: number;
  /** How long the answer to the PING may take. */
  readonly timeoutMs: number;
}

/** How many times its usual longest silence a Pod may be silent. */
const FACTOR = 3;
/** The threshold while too few replies came to know what is usual. */
const UNKNOWN_MS = 1_000;
const MIN_SAMPLES = 10;
/** By how much of the difference a shorter silence lowers the usual longest one. */
const DECAY = 1 / 64;
/** The slowest link that is reckoned with, for bytes that a PING waits behind: 1 Mbit/s. */
const BYTES_PER_MS = 125;

/**
 * Notices within a fraction of a second that a peer owes replies and says nothing at all, although its connection lives: the process is
 * stopped, its machine frozen, or the network cut. The peer is suspect then, and is asked once by a PING. An answer clears it. Without one, the
 * connection is given up.
 */
export class Suspicion {
  readonly #peer: SuspectPeer;
  readonly #times: SuspicionTimes;
  readonly #allowance: PingAllowance;
  readonly #world: World;
  #timer: ReturnType<World['after']> | undefined;
  /** When the timer fires; Infinity without one. */
  #dueMs = Number.POSITIVE_INFINITY;
  #limit: TimeLimit | undefined;
  /** Streams whose requests are complete and that have no byte of reply. */
  #owing = 0;
  /** When the first of them became so. */
  #owedMs = 0;
  /** When the last reply began. */
  #repliedMs = 0;
  #usualMs = 0;
  #samples = 0;
  /** Doubles with each answer to a PING, until a call is answered. */
  #patience = 1;
  /** The stall meter when the silence began, or before. */
  #stalledAtReply = 0;
  isSuspect = false;
  #stopped = false;

  constructor(peer: SuspectPeer, times: SuspicionTimes, allowance: PingAllowance, world: World) {
    this.#peer = peer;
    this.#times = times;
    this.#allowance = allowance;
    this.#world = world;
  }

  /** A request is complete: the peer owes its reply. For each, one `settle` follows. */
  owe(): void {
    this.#owing += 1;
    if (this.#owing > 1) return;
    const { nowMs, stalls } = this.#world;
    this.#owedMs = nowMs();
    this.#stalledAtReply = stalls.sumMs;
    // A timer that fires for nothing costs less than one for each call. It may be too late if less is usual by now.
    const thresholdMs = this.#usualLimitMs;
    if (!this.#stopped && this.#owedMs + thresholdMs < this.#dueMs) this.#plan(thresholdMs);
  }

  /** The reply began at `nowMs`, or the stream is over without one (undefined). */
  settle(nowMs: number | undefined): void {
    this.#owing -= 1;
    if (nowMs === undefined) return;
    this.#patience = 1;
    this.#learn(nowMs);
    this.#repliedMs = nowMs;
  }

  /** Something was received while it was suspect. */
  onRead(): void {
    if (this.isSuspect) this.#clear();
  }

  /** The peer sent GOAWAY, or the connection ends. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#limit?.stop();
    if (this.isSuspect) this.#tell(false);
  }

  get #usualLimitMs(): number {
    const usualMs = this.#samples < MIN_SAMPLES ? UNKNOWN_MS : FACTOR * this.#usualMs;
    return Math.max(usualMs, this.#times.minMs) * this.#patience;
  }

  get #thresholdMs(): number {
    return this.#usualLimitMs + this.#peer.bytesSentSinceRead / BYTES_PER_MS;
  }

  /** Takes the silence before a reply for a sample of what is usual, unless this process stalled meanwhile. */
  #learn(nowMs: number): void {
    const stalledMs = this.#world.stalls.at(nowMs);
    const isMeasured = stalledMs === this.#stalledAtReply;
    this.#stalledAtReply = stalledMs;
    if (!isMeasured) return;
    const silentMs = nowMs - Math.max(this.#repliedMs, this.#owedMs);
    if (silentMs >= this.#usualMs) this.#usualMs = silentMs;
    else this.#usualMs += (silentMs - this.#usualMs) * DECAY;
    this.#samples += 1;
  }

  #plan(delayMs: number): void {
    const world = this.#world;
    this.#timer?.cancel();
    this.#dueMs = world.nowMs() + delayMs;
    // After a stall of this process, the bytes that the peer sent meanwhile are read first.
    this.#timer = world.after(Math.max(delayMs, 1), () => world.setImmediate(() => this.#look()));
  }

  #look(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (this.#stopped || this.#owing === 0 || this.isSuspect) return;
    const nowMs = this.#world.nowMs();
    // A process that stalls again and again must find a dead peer, too: only its stalls are taken off.
    const stalledMs = this.#world.stalls.at(nowMs) - this.#stalledAtReply;
    const silentMs = nowMs - Math.max(this.#peer.lastReadMs, this.#owedMs) - stalledMs;
    const leftMs = this.#thresholdMs - silentMs;
    if (leftMs > 0) return this.#plan(leftMs);
    // Without a PING to ask with, no peer is suspected: keepalive must find a dead one.
    if (this.#allowance.isFresh) this.#suspect(nowMs);
    else this.#plan(UNKNOWN_MS);
  }

  #suspect(nowMs: number): void {
    this.#await(
      this.#times.timeoutMs + this.#peer.bytesSentSinceRead / BYTES_PER_MS,
      this.#peer.bytesReceived,
    );
    this.#allowance.spend(nowMs);
    this.#peer.probe(() => this.onRead());
    this.#tell(true);
  }

  /** Gives the peer so long to say anything. `before`: the bytes received when it was asked. */
  #await(limitMs: number, before: number): void {
    const expired = () => {
      if (this.#peer.bytesReceived !== before) return this.#clear();
      // When all Pods are silent, it is not this one.
      if (!this.#peer.mayGiveUp()) return this.#await(limitMs, before);
      this.stop();
      this.#peer.onDead({ kind: 'timeout', step: 'keepalive', afterMs: Math.round(limitMs) });
    };
    this.#limit = new TimeLimit(limitMs, expired, this.#world);
  }

  #clear(): void {
    this.#limit?.stop();
    this.#limit = undefined;
    // Long calls are normal here.
    this.#patience *= 2;
    this.#tell(false);
    if (!this.#stopped && this.#owing > 0) this.#plan(this.#thresholdMs);
  }

  #tell(isSuspect: boolean): void {
    this.isSuspect = isSuspect;
    this.#peer.onSuspect(isSuspect);
  }
}
