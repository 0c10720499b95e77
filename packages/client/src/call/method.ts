import type { StreamHead } from '@podwire/http2';
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

/** One method of the service as a channel calls it; made at the first call and kept. */
export interface Method {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly config: MethodConfig;
  readonly maxSendBytes: number;
  readonly maxReceiveBytes: number;
  /** What starts a call without headers of its own, by authority. */
  readonly heads: Map<string, StreamHead>;
}
