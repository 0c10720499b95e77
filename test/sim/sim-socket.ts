import { EventEmitter } from 'node:events';
import type { Clock } from '@podwire/core';

/** What a Pod does with one connection to it. */
export interface SimPeer {
  onBytes(bytes: Buffer): void;
  onClosed(): void;
}

/**
 * The client's end of a simulated connection: as much of a socket as podwire's HTTP/2 engine uses. Bytes travel by a clock, each way in
 * order, and take `latencyMs()` each time.
 */
export class SimSocket extends EventEmitter {
  writableLength = 0;
  readonly localAddress = 'sim';
  destroyed = false;
  readonly #clock: Clock;
  readonly #latencyMs: () => number;
  #peer: SimPeer | undefined;
  /** When what was sent last arrives, there and here. */
  #thereMs = 0;
  #hereMs = 0;

  constructor(clock: Clock, latencyMs: () => number) {
    super();
    this.#clock = clock;
    this.#latencyMs = latencyMs;
  }

  /** The Pod takes the connection, or refuses it. */
  open(peer: SimPeer | undefined): void {
    this.#peer = peer;
    this.#here(() => {
      if (peer !== undefined) this.emit('connect');
      else this.#fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    });
  }

  write(bytes: Uint8Array, taken?: () => void): void {
    const copy = Buffer.from(bytes);
    this.writableLength += copy.length;
    this.#clock.after(0, () => {
      this.writableLength -= copy.length;
      taken?.();
    });
    const atMs = Math.max(this.#thereMs, this.#clock.nowMs() + this.#latencyMs());
    this.#thereMs = atMs;
    this.#clock.after(atMs - this.#clock.nowMs(), () => this.#peer?.onBytes(copy));
  }

  /** Bytes of the Pod. */
  send(bytes: Buffer): void {
    this.#here(() => this.emit('data', bytes));
  }

  /** The Pod is gone: its kernel says so. */
  reset(): void {
    this.#here(() => this.#fail(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })));
  }

  /** The Pod closes in order. */
  finish(): void {
    this.#here(() => this.emit('end'));
  }

  destroySoon(): void {
    this.#clock.after(0, () => this.destroy());
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#peer?.onClosed();
    this.#peer = undefined;
    this.#clock.after(0, () => this.emit('close'));
  }

  cork(): void {}
  uncork(): void {}
  setKeepAlive(): void {}
  end(): void {}

  #fail(error: Error): void {
    this.emit('error', error);
    this.destroy();
  }

  #here(fn: () => void): void {
    const atMs = Math.max(this.#hereMs, this.#clock.nowMs() + this.#latencyMs());
    this.#hereMs = atMs;
    this.#clock.after(atMs - this.#clock.nowMs(), () => this.destroyed || fn());
  }
}
