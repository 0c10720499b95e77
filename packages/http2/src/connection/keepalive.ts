import type { Socket } from 'node:net';
import { type Time, TimeLimit, timers } from '@podwire/core';
import type { CloseCause } from '../transport.ts';

/** What a keepalive watches over. */
export interface KeptAlive {
  /** Grows with everything received. */
  readonly bytesReceived: number;
  /** When the last of it came; `looksMs` later at most, where that is not told. */
  readonly lastReadMs: number;
  /** How often to look at a peer whose bytes come without a word. */
  readonly looksMs: number;
  /** Grows with everything received for a call: what makes servers forgive pings. */
  readonly callBytesReceived: number;
  /** Whether anybody would miss the connection now. */
  readonly pingable: boolean;
  ping(answered: () => void): void;
  /** Nothing came back. */
  onDead(cause: CloseCause): void;
}

/** When to ask. */
export interface KeepaliveTimes {
  /** Of silence before a PING; 0 is off. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly keepaliveSparing: boolean;
}

/** grpc-go's server ends a connection after the third ping that comes sooner than 5 minutes after the one before, unless it sent something for a call meanwhile (its default EnforcementPolicy). */
const FREE_PINGS = 2;
const CAREFUL_GAP_MS = 5 * 60_000 + 5_000;
/** A call that begins on a connection that was silent for long is mostly answered before anybody need ask: a tenth of the time, or this. */
const MAX_PATIENCE_MS = 1_000;
/** TCP counts in whole seconds, and takes so many of them (Linux, TCP_KEEPIDLE). */
const MIN_TCP_MS = 1_000;
const MAX_TCP_MS = 32_767_000;

/**
 * Finds a peer that went without a word: after a time of silence, while a call waits for something, it sends a PING; without an
 * answer in time the connection is given up. A sparing one sends two in a row so soon, and later ones as seldom as servers with
 * default settings demand.
 */
export class Keepalive {
  readonly #peer: KeptAlive;
  readonly #times: KeepaliveTimes;
  readonly #time: Time;
  #timer: ReturnType<Time['after']> | undefined;
  /** Of the PING that waits for its answer. */
  #limit: TimeLimit | undefined;
  #seenCallBytes = 0;
  #unforgiven = 0;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** No call would miss the connection: it looks again when one begins. */
  dormant = false;

  constructor(peer: KeptAlive, times: KeepaliveTimes, time: Time = timers) {
    this.#peer = peer;
    this.#times = times;
    this.#time = time;
  }

  /** The connection is ready. */
  start(): void {
    if (this.#times.keepaliveTimeMs > 0) this.#plan(this.#times.keepaliveTimeMs);
    else this.#stopped = true;
  }

  /** A call begins while it is dormant. */
  wake(): void {
    this.dormant = false;
    const { keepaliveTimeMs } = this.#times;
    const silentMs = this.#time.nowMs() - this.#peer.lastReadMs;
    this.#plan(Math.max(keepaliveTimeMs - silentMs, Math.min(keepaliveTimeMs / 10, MAX_PATIENCE_MS)));
  }

  /**
   * The peer sent GOAWAY: a PING might be answered with the end of the connection, and of the calls on it. The probes of TCP are not
   * seen by any server, and end a connection whose peer is gone: after as long a silence, and ten probes a second apart.
   */
  leaveToTcp(socket: Socket): void {
    this.stop();
    const { keepaliveTimeMs } = this.#times;
    if (keepaliveTimeMs > 0)
      socket.setKeepAlive(true, Math.min(Math.max(keepaliveTimeMs, MIN_TCP_MS), MAX_TCP_MS));
  }

  stop(): void {
    this.#stopped = true;
    this.dormant = false;
    this.#timer?.cancel();
    this.#limit?.stop();
    this.#limit = undefined;
  }

  #plan(delayMs: number): void {
    this.#timer?.cancel();
    // Behind a stall of our own, what the peer sent meanwhile is read first.
    this.#timer = this.#time.after(Math.min(delayMs, this.#peer.looksMs), () =>
      this.#time.setImmediate(() => this.#look()),
    );
  }

  #look(): void {
    if (this.#stopped) return;
    const { lastReadMs, callBytesReceived, pingable } = this.#peer;
    this.dormant = !pingable;
    if (!pingable) return;
    if (callBytesReceived !== this.#seenCallBytes) this.#unforgiven = 0;
    this.#seenCallBytes = callBytesReceived;
    const { keepaliveTimeMs, keepaliveSparing } = this.#times;
    const isSparing = keepaliveSparing && this.#unforgiven >= FREE_PINGS;
    const silentUntilMs = lastReadMs + keepaliveTimeMs;
    const dueMs = isSparing ? Math.max(silentUntilMs, this.#lastPingMs + CAREFUL_GAP_MS) : silentUntilMs;
    const leftMs = dueMs - this.#time.nowMs();
    if (leftMs > 0) this.#plan(leftMs);
    else this.#ping();
  }

  #ping(): void {
    const { keepaliveTimeMs, keepaliveTimeoutMs } = this.#times;
    this.#unforgiven += 1;
    this.#lastPingMs = this.#time.nowMs();
    const before = this.#peer.bytesReceived;
    const goOn = () => {
      if (this.#stopped || this.#limit === undefined) return;
      this.#limit.stop();
      this.#limit = undefined;
      this.#plan(Math.max(this.#peer.lastReadMs + keepaliveTimeMs - this.#time.nowMs(), 0));
    };
    const expired = () => {
      if (this.#peer.bytesReceived !== before) return goOn();
      this.stop();
      this.#peer.onDead({ kind: 'timeout', step: 'keepalive', afterMs: keepaliveTimeoutMs });
    };
    this.#limit = new TimeLimit(keepaliveTimeoutMs, expired, this.#time);
    this.#peer.ping(goOn);
  }
}
