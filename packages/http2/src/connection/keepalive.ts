import type { Socket } from 'node:net';
import { TimeLimit } from './time-limit.ts';

/** What a keepalive watches over. */
export interface KeptAlive {
  /** Grows with everything received. */
  readonly bytesReceived: number;
  /** Grows with everything received for a call: what makes servers forgive pings. */
  readonly callBytesReceived: number;
  /** Whether anybody would miss the connection now. */
  readonly pingable: boolean;
  ping(answered: () => void): void;
  /** Nothing came back. */
  onDead(reason: string): void;
}

/** grpc-go's server ends a connection after the third ping that comes sooner than 5 minutes after the one before, unless it sent something for a call meanwhile (its default EnforcementPolicy). */
const FREE_PINGS = 2;
const CAREFUL_GAP_MS = 5 * 60_000 + 5_000;
/** TCP counts in whole seconds. */
const MIN_TCP_MS = 1_000;

/**
 * Finds a peer that went without a word: after `timeMs` of silence, while somebody waits for something, it sends a PING;
 * without an answer in `timeoutMs` the connection is given up. Two in a row come so soon; later ones as seldom as servers
 * with default settings demand.
 */
export class Keepalive {
  readonly #peer: KeptAlive;
  readonly #timeMs: number;
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Of the PING that waits for its answer. */
  #limit: TimeLimit | undefined;
  #seenBytes = 0;
  #seenCallBytes = 0;
  #unforgiven = 0;
  #lastPingMs = Number.NEGATIVE_INFINITY;

  constructor(peer: KeptAlive, timeMs: number, timeoutMs: number) {
    this.#peer = peer;
    this.#timeMs = timeMs;
    this.#timeoutMs = timeoutMs;
    if (timeMs > 0) this.#plan(timeMs, () => this.#look());
  }

  /**
   * The peer sent GOAWAY: a PING might be answered with the end of the connection, and of the calls on it. The probes of TCP are not
   * seen by any server, and end a connection whose peer is gone: after as long a silence, and ten probes a second apart.
   */
  leaveToTcp(socket: Socket): void {
    this.stop();
    if (this.#timeMs > 0) socket.setKeepAlive(true, Math.max(this.#timeMs, MIN_TCP_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#limit?.stop();
    this.#limit = undefined;
  }

  #plan(delayMs: number, fn: () => void): void {
    this.stop();
    this.#timer = setTimeout(fn, delayMs).unref();
  }

  #look(): void {
    const { bytesReceived, callBytesReceived, pingable } = this.#peer;
    const silent = bytesReceived === this.#seenBytes;
    this.#seenBytes = bytesReceived;
    if (callBytesReceived !== this.#seenCallBytes) this.#unforgiven = 0;
    this.#seenCallBytes = callBytesReceived;
    const waitedMs = performance.now() - this.#lastPingMs;
    const allowed = this.#unforgiven < FREE_PINGS || waitedMs >= CAREFUL_GAP_MS;
    if (!silent || !pingable || !allowed) return this.#plan(this.#timeMs, () => this.#look());
    this.#ping();
  }

  #ping(): void {
    this.#unforgiven += 1;
    this.#lastPingMs = performance.now();
    const before = this.#peer.bytesReceived;
    this.stop();
    this.#limit = new TimeLimit(this.#timeoutMs, () => {
      if (this.#peer.bytesReceived !== before) return this.#plan(this.#timeMs, () => this.#look());
      this.stop();
      this.#peer.onDead(`no answer to a keepalive PING in ${this.#timeoutMs} ms`);
    });
    this.#peer.ping(() => {
      if (this.#limit !== undefined) this.#plan(this.#timeMs, () => this.#look());
    });
  }
}
