import type { HedgingPolicy, RetryPolicy } from '../retry/policy.ts';

/** What the service config says of one method; `undefined` is not said. */
export interface MethodConfig {
  readonly timeoutMs?: number;
  readonly waitForReady?: boolean;
  readonly maxSendBytes?: number;
  readonly maxReceiveBytes?: number;
  readonly retry?: RetryPolicy;
  readonly hedging?: HedgingPolicy;
}
