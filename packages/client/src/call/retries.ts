import type { StreamEnd } from '@podwire/http2';
import type { MethodConfig } from '../options/method-config.ts';
import { retryDelayMs } from '../retry/policy.ts';
import { readPushback } from '../retry/pushback.ts';
import type { CallPlan } from './call-plan.ts';
import type { CallRuntime } from './call-runtime.ts';
import type { EndStatus } from './status.ts';

/**
 * The next step after an attempt that failed. `transparent`: another attempt at once, which does not count. A number: another attempt
 * after this many milliseconds. `final`: the call ends as this attempt did. `exhausted`: the same, unless another attempt is still open.
 */
export type Next = 'transparent' | 'final' | 'exhausted' | number;

/** The call, as far as Retries needs it. */
export interface RetriedCall {
  readonly runtime: CallRuntime;
  readonly plan: CallPlan;
  readonly deadlineMs: number;
  readonly waitForReady: boolean;
}

/** A call under which so many connections died may be what kills them, and must not reach one Pod after the other. */
const MOST_DEATHS = 2;

/** The retry rules of gRFC A6 for one call. Made when its first attempt failed: most calls have none. */
export class Retries {
  readonly #call: RetriedCall;
  /** Whether a server has refused the call. The first refusal is retried without a policy, a second one is not. */
  #refused = false;
  /** Connections that died under the call. */
  #deaths = 0;
  /** When the call was first given to a connection that ended before the call left. */
  #unsentMs: number | undefined;
  /** How many of the policy's delays there have been since the server last named one. After that they begin anew, as in all of gRPC. */
  #backoffs = 0;

  constructor(call: RetriedCall) {
    this.#call = call;
  }

  /** `made`: attempts so far that count. */
  after(end: StreamEnd, { code, trailers }: EndStatus, { retry, hedging }: MethodConfig, made: number): Next {
    if (end.kind === 'unprocessed' && this.#isTransparent(end.leftClient)) return 'transparent';
    const policy = retry ?? hedging;
    if (policy === undefined) return 'final';
    if (!(retry?.retryableStatusCodes ?? hedging!.nonFatalStatusCodes).has(code)) return 'final';
    const { runtime } = this.#call;
    runtime.throttle?.onFailure();
    if (end.kind === 'connection-lost') this.#deaths += 1;
    const pushback = readPushback(trailers);
    if (pushback === 'stop' || runtime.closed || made >= policy.maxAttempts || this.#deaths >= MOST_DEATHS)
      return 'exhausted';
    this.#backoffs = pushback === undefined ? this.#backoffs + 1 : 0;
    const delayMs =
      pushback ?? (retry === undefined ? 0 : retryDelayMs(retry, this.#backoffs, runtime.random));
    if (this.#isTooLate(delayMs) || !runtime.mayRetry()) return 'exhausted';
    return delayMs;
  }

  /** Whether an attempt after this delay would have less time than half of the method's calls take. */
  #isTooLate(delayMs: number): boolean {
    const { runtime, plan, deadlineMs } = this.#call;
    const { norm } = plan;
    return norm.isKnown && runtime.clock.nowMs() + delayMs + norm.medianMs >= deadlineMs;
  }

  /**
   * Whether the call is sent again without counting (gRFC A6, "transparent retries"). If it reached a server that did not begin it, this
   * happens once, so that there is no storm on servers that all refuse. If it never left, it happens for as long as a call may wait.
   */
  #isTransparent(leftClient: boolean): boolean {
    if (leftClient) {
      if (this.#refused) return false;
      this.#refused = true;
      return true;
    }
    const { runtime, waitForReady } = this.#call;
    const nowMs = runtime.clock.nowMs();
    this.#unsentMs ??= nowMs;
    return waitForReady || nowMs - this.#unsentMs < runtime.waitTimeoutMs;
  }
}
