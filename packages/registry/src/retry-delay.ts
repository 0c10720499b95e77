import { jitteredMs, type Random } from '@podwire/core';

const FIRST_MS = 500;
const MAX_MS = 10_000;
/** The longest delay while no server is reachable: such attempts cost the registry nothing, and noticing its return late costs calls. */
const UNREACHABLE_MAX_MS = 1_000;
/** The share of a delay that is always waited, even after an attempt that itself took longer than the delay. */
const LEAST_SHARE = 0.1;

/**
 * How long to wait between attempts to use a registry: 0.5 s, doubled up to 10 s while the registry refuses, and at most 1 s while
 * it cannot be reached at all. A random factor from a half to 1 keeps a thousand clients that lost one registry together from coming
 * back together.
 */
export class RetryDelay {
  readonly #random: Random;
  #nextMs = FIRST_MS;

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * The delay after an attempt that ended with `error`. `triedMs` is how long the attempt tried in vain to reach a server, which counts
   * as waiting (as in gRPC's connection backoff, which counts from the start of an attempt).
   */
  next(error: unknown, triedMs = 0): number {
    const unreachable = isUnreachable(error);
    const mostMs = unreachable ? Math.min(this.#nextMs, UNREACHABLE_MAX_MS) : this.#nextMs;
    this.#nextMs = Math.min(mostMs * 2, MAX_MS);
    const delayMs = jitteredMs(mostMs, 0.5, 1, this.#random);
    return unreachable ? Math.max(delayMs - triedMs, delayMs * LEAST_SHARE) : delayMs;
  }

  /** Call it after an attempt that succeeded. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}

/** Whether a registry's error says that no server was reached: it has `unreachable: true`. */
function isUnreachable(error: unknown): boolean {
  return (error as { readonly unreachable?: unknown } | null | undefined)?.unreachable === true;
}
