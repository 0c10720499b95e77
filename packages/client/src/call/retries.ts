import type { StreamEnd } from '@podwire/http2';
import type { MethodConfig } from '../options/method-config.ts';
import { retryDelayMs } from '../retry/policy.ts';
import { readPushback } from '../retry/pushback.ts';
import type { CallRuntime } from './call-runtime.ts';
import type { EndStatus } from './status.ts';

/**
 * What follows an attempt that failed. `transparent`: another one at once, which does not count. A number: another one after so many
 * milliseconds. `final`: the call ends as this attempt did. `exhausted`: so it does, unless another attempt is still open.
 */
export type Next = 'transparent' | 'final' | 'exhausted' | number;

/** What Retries knows the call by. */
export interface RetriedCall {
  readonly runtime: CallRuntime;
  readonly waitForReady: boolean;
}

/** The retry rules of gRFC A6 for one call. Made when its first attempt failed: most calls have none. */
export class Retries {
  readonly #call: RetriedCall;
  /** A server refused the call once: that is made good without a policy, and no second time. */
  #refused = false;
  /** Since when the call was given to connections that ended before it left. */
  #unsentMs: number | undefined;
  /** Delays of the policy since the server last named one: then they begin anew, as in all of gRPC. */
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
    const { throttle, random, closed } = this.#call.runtime;
    throttle?.onFailure();
    const pushback = readPushback(trailers);
    const allowed = pushback !== 'stop' && (throttle?.allowed ?? true) && !closed;
    if (made >= policy.maxAttempts || !allowed) return 'exhausted';
    this.#backoffs = pushback === undefined ? this.#backoffs + 1 : 0;
    return pushback ?? (retry === undefined ? 0 : retryDelayMs(retry, this.#backoffs, random));
  }

  /**
   * Whether the call is sent again without counting (gRFC A6, "transparent retries"): once when it reached a server that did not begin
   * it, so that a fleet that refuses gets no storm; always when it never left, as long as it might as well have waited.
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
