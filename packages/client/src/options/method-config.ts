import type { HedgingPolicy, RetryPolicy } from '../retry/policy.ts';

/** The settings of one method, from the service config or a route; undefined where they do not say. */
export interface MethodConfig {
  readonly timeoutMs?: number;
  readonly waitForReady?: boolean;
  readonly maxSendBytes?: number;
  readonly maxReceiveBytes?: number;
  readonly retry?: RetryPolicy;
  readonly hedging?: HedgingPolicy;
}
