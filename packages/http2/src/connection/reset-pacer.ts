import { type Timers, timers } from '@podwire/core';

/**
 * Servers count RST_STREAM since "rapid reset" (CVE-2023-44487), and end a connection that sends too many of them: nghttp2, so every
 * server on Node, takes 1 000 at once and 33 a second (`streamResetBurst`, `streamResetRate`); Envoy ends a connection with 250 streams
 * among its first 500 that were reset without a reply within two seconds (`overload.premature_reset_total_stream_count`).
 */
const BURST = 200;
const PER_SECOND = 30;
const INTERVAL_MS = 100;
/** How many streams may wait for their RST_STREAM: a hung Pod must not cost unbounded memory. */
const MAX_WAITING = 32_768;

interface Waiting {
  readonly errorCode: number;
  /** Whether all of the request was sent: then the stream is over on both sides once the peer ends the reply. */
  readonly isHalfClosed: boolean;
}

/**
 * Sends RST_STREAM no faster than servers take it. A stream whose reset waits is over for its caller: bytes that still arrive for it are
 * dropped, and when the peer ends the stream first, no reset is sent.
 */
export class ResetPacer<K> {
  readonly #send: (key: K, errorCode: number) => void;
  readonly #time: Pick<Timers, 'nowMs' | 'after'>;
  readonly #waiting = new Map<K, Waiting>();
  /** Streams that are over here but still count for the peer. */
  waiting = 0;
  #tokens = BURST;
  #countedMs: number;
  #timer: ReturnType<Timers['after']> | undefined;

  constructor(send: (key: K, errorCode: number) => void, time: Pick<Timers, 'nowMs' | 'after'> = timers) {
    this.#send = send;
    this.#time = time;
    this.#countedMs = time.nowMs();
  }

  /** Whether the waiting streams use up half of the streams that the peer allows, so that another connection should take the calls. */
  isBehind(maxConcurrentStreams: number): boolean {
    return this.#tokens < 1 && this.#waiting.size >= Math.min(MAX_WAITING, maxConcurrentStreams / 2);
  }

  /**
   * Resets a stream, now or in its turn. `isUnseen`: its headers have not left yet, and would leave together with the reset. A server may
   * count such streams separately (Rust's h2 ends the connection after 20 that it had not accepted), so the reset comes a little later.
   */
  reset(key: K, errorCode: number, isHalfClosed: boolean, isUnseen: boolean): void {
    if (!isUnseen && this.#waiting.size === 0 && this.#take()) return this.#send(key, errorCode);
    this.#waiting.set(key, { errorCode, isHalfClosed });
    this.waiting = this.#waiting.size;
    this.#timer ??= this.#time.after(INTERVAL_MS, () => this.#next());
  }

  /** The peer ended the stream, by a reset of its own or in order. */
  onPeerEnd(key: K, reset: boolean): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || !(reset || waiting.isHalfClosed)) return;
    this.#waiting.delete(key);
    this.waiting = this.#waiting.size;
    if (this.waiting === 0) this.stop();
  }

  /** The connection is over. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
    this.waiting = 0;
  }

  #next(): void {
    this.#timer = undefined;
    for (const [key, { errorCode }] of this.#waiting) {
      if (!this.#take()) break;
      this.#waiting.delete(key);
      this.waiting = this.#waiting.size;
      this.#send(key, errorCode);
    }
    if (this.#waiting.size > 0) this.#timer = this.#time.after(INTERVAL_MS, () => this.#next());
  }

  #take(): boolean {
    const nowMs = this.#time.nowMs();
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#countedMs) * PER_SECOND) / 1_000);
    this.#countedMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
