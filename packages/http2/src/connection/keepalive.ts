import type { Socket } from 'node:net';
import { type Time, TimeLimit, timers } from '@podwire/core';
import type { CloseCause } from '../transport.ts';
import { PingAllowance, type Pinged } from './ping-allowance.ts';

/** The connection that a keepalive watches. */
export interface KeptAlive extends Pinged {
  /** Grows with everything received. */
  readonly bytesReceived: number;
  /** When the last of them came. A transport that is not told of reads may be late by `looksMs`. */
  readonly lastReadMs: number;
  /** How often to check `bytesReceived` on a transport that is not told of reads. */
  readonly looksMs: number;
  /** Whether a PING is worthwhile: a call would miss the connection, or the options want PINGs without calls. */
  readonly pingable: boolean;
  keepalive(answered: () => void): void;
  /** The peer did not answer. */
  onDead(cause: CloseCause): void;
}

/** The times of a keepalive. */
export interface KeepaliveTimes {
  /** How long the peer is silent before a PING; 0 is off. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly keepaliveSparing: boolean;
}

/**
 * How long to wait before the PING when a call begins on a connection that was silent for long: a tenth of the keepalive time, at most
 * this. Mostly the call is answered by then.
 */
const MAX_PATIENCE_MS = 1_000;
/** The bounds of TCP's keepalive time, which counts whole seconds (Linux, TCP_KEEPIDLE). */
const MIN_TCP_MS = 1_000;
const MAX_TCP_MS = 32_767_000;

/**
 * Finds a peer that is gone without closing the connection. After a time of silence, while a call waits for something, it sends a PING;
 * without an answer in time the connection is given up. A sparing keepalive sends two PINGs in a row at that pace, and later ones only
 * as often as servers with default settings allow.
 */
export class Keepalive {
  readonly #peer: KeptAlive;
  readonly #times: KeepaliveTimes;
  readonly #time: Time;
  readonly allowance: PingAllowance;
  #timer: ReturnType<Time['after']> | undefined;
  /** The time limit of the PING that waits for its answer. */
  #limit: TimeLimit | undefined;
  #stopped = false;
  /** No call would miss the connection: the keepalive rests until a call begins. */
  dormant = false;

  constructor(peer: KeptAlive, times: KeepaliveTimes, time: Time = timers) {
    this.#peer = peer;
    this.#times = times;
    this.#time = time;
    this.allowance = new PingAllowance(peer, times.keepaliveSparing);
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
   * The peer sent GOAWAY. It might answer a PING by ending the connection with the calls on it, so TCP's probes take over, which no
   * server sees. They end a connection whose peer is gone: after as long a silence, and ten probes a second apart.
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
    // After a stall of this process, the bytes that the peer sent meanwhile are read first.
    this.#timer = this.#time.after(Math.min(delayMs, this.#peer.looksMs), () =>
      this.#time.setImmediate(() => this.#look()),
    );
  }

  #look(): void {
    if (this.#stopped) return;
    const { lastReadMs, pingable } = this.#peer;
    this.dormant = !pingable;
    if (!pingable) return;
    const dueMs = this.allowance.keepaliveMs(lastReadMs + this.#times.keepaliveTimeMs);
    const leftMs = dueMs - this.#time.nowMs();
    if (leftMs > 0) this.#plan(leftMs);
    else this.#ping();
  }

  #ping(): void {
    const { keepaliveTimeMs, keepaliveTimeoutMs } = this.#times;
    this.allowance.spend(this.#time.nowMs());
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
    this.#peer.keepalive(goOn);
  }
}
