import type { status as Status } from '@grpc/grpc-js';
import { exponentialMs, jitteredMs, type Random } from '@podwire/core';

/** gRFC A6 retry policy of a method. Durations in milliseconds. */
export interface RetryPolicy {
  /** The first attempt included; 2–5 (A6 clamps at 5). */
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly backoffMultiplier: number;
  readonly retryableStatusCodes: ReadonlySet<Status>;
}

/** gRFC A6 hedging policy of a method. */
export interface HedgingPolicy {
  /** The first attempt included; 2–5. */
  readonly maxAttempts: number;
  /** Time between attempts; 0 sends all at once. */
  readonly hedgingDelayMs: number;
  /** Codes that don't end the call while other attempts are open or left. */
  readonly nonFatalStatusCodes: ReadonlySet<Status>;
}

// gRFC A6, "exponential backoff": since 2024 each delay is varied by ±20 %.
const LEAST = 0.8;
const MOST = 1.2;

/** The delay before retry number `retry`, counted from 1. */
export function retryDelayMs(policy: RetryPolicy, retry: number, random: Random): number {
  const { initialBackoffMs: initialMs, maxBackoffMs: maxMs, backoffMultiplier: multiplier } = policy;
  return jitteredMs(exponentialMs({ initialMs, maxMs, multiplier }, retry), LEAST, MOST, random);
}
