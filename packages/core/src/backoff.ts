import type { Random } from './clock.ts';

/** Delays that grow by a factor up to a limit. */
export interface Exponential {
  /** The first delay. */
  readonly initialMs: number;
  /** The largest delay. */
  readonly maxMs: number;
  /** How many times as long as the one before each delay is; 1 or more. */
  readonly multiplier: number;
}

/** The delay before retry number `retry`, counted from 1, without jitter. */
export function exponentialMs({ initialMs, maxMs, multiplier }: Exponential, retry: number): number {
  return Math.min(initialMs * multiplier ** (retry - 1), maxMs);
}

/**
 * A delay with jitter: at random from `least` to `most` times its length, so that clients that lost one server together do
 * not come back together.
 */
export function jitteredMs(delayMs: number, least: number, most: number, random: Random): number {
  return delayMs * (least + (most - least) * random());
}
