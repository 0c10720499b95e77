import type { SuccessRateOptions } from './compare.ts';

/** The options of outlier detection. */
export interface OutlierOptions {
  /** Failures in a row that eject a Pod; more are needed while other Pods fail, too. 0 is off. */
  readonly consecutiveFailures: number;
  /** Time-outs in a row that eject a Pod; as above. 0 is off. */
  readonly consecutiveTimeouts: number;
  /** Undefined is off. */
  readonly successRate: SuccessRateOptions | undefined;
  /** How often success rates are compared, while there are calls. */
  readonly intervalMs: number;
  /** How long the first ejection lasts. It doubles each time. */
  readonly baseEjectionTimeMs: number;
  /** The longest ejection. */
  readonly maxEjectionTimeMs: number;
  /** The largest share of the Pods that may be out, in percent and rounded down. Pods without a connection are out. */
  readonly maxEjectionPercent: number;
}
