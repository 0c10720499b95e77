import { jitteredMs, type Random } from '@podwire/core';

export interface BackoffOptions {
  /** First delay, in milliseconds. */
  readonly initialMs: number;
  /** Largest delay before jitter, in milliseconds. */
  readonly maxMs: number;
  /** Largest delay before jitter while no Pod of the set takes calls, in milliseconds. */
  readonly downMs: number;
}

// https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md. Our delays are shorter than its 1 to 120 s (`options.backoff`),
// because a Pod is near, and the registry soon removes a Pod that is gone.
const MULTIPLIER = 1.6;
const LEAST = 0.8;
const MOST = 1.2;

/** Exponential delays with jitter between attempts to connect to one Pod. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #nextMs: number;

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#nextMs = options.initialMs;
  }

  /** The delay before the next attempt. `isDown`: no Pod takes calls. */
  next(isDown: boolean): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(this.#nextMs * MULTIPLIER, this.#options.maxMs);
    return this.#jittered(isDown ? Math.min(delayMs, this.#options.downMs) : delayMs);
  }

  /** The longest delay left for a wait that had begun when the last Pod stopped taking calls. */
  whenDown(): number {
    return this.#jittered(this.#options.downMs);
  }

  reset(): void {
    this.#nextMs = this.#options.initialMs;
  }

  #jittered(delayMs: number): number {
    return jitteredMs(delayMs, LEAST, MOST, this.#random);
  }
}
