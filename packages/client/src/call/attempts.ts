import type { Timer } from '@podwire/core';
import { ErrorCode, header, type StreamEnd } from '@podwire/http2';
import { withHeaders } from '../headers/endpoint-headers.ts';
import type { ClientPod } from '../pod/pod.ts';
import { retryDelayMs } from '../retry/policy.ts';
import { readPushback } from '../retry/pushback.ts';
import { Attempt } from './attempt.ts';
import { attemptHeaders } from './attempt-headers.ts';
import type { Call } from './call.ts';
import { fromEnd } from './status.ts';

/** How often to pick again when the chosen Pod's connection filled up between pick and open; after that the call waits. */
const MAX_OPENS = 8;

/** The attempts of one call: transparent retries, retries and hedging as gRFC A6 says. */
export class Attempts {
  readonly #call: Call;
  /** The newest of those that are open; each knows the next older one. */
  #open: Attempt | undefined;
  #committed: Attempt | undefined;
  /** The retryBuffer was given up for this attempt before it replied: no other one can follow. */
  #bound = false;
  /** Attempts that count for the policy. */
  #made = 0;
  /** A server refused the call once: that is made good without a policy, and no second time. */
  #refused = false;
  /** Since when the call was given to connections that ended before it left. */
  #unsentMs: number | undefined;
  /** Delays of the policy since the server last named one: then they begin anew, as in all of gRPC. */
  #backoffs = 0;
  #timer: Timer | undefined;
  /** Ids of every Pod that the call was sent to, in order; undefined while there is only `last`. */
  tried: string[] | undefined;
  /** The one that the call belongs to; before there is one, the newest. */
  last: Attempt | undefined;
  /** How the last attempt ended in whose place there is another, or will be. */
  lastEnd: StreamEnd | undefined;

  constructor(call: Call) {
    this.#call = call;
  }

  /** Starts an attempt on the Pod that the policy picks, or has the call wait. */
  start(): void {
    const call = this.#call;
    for (let opens = 0; opens < MAX_OPENS; opens++) {
      const pod = call.host.pick(call);
      if (pod === undefined) break;
      if (this.#startOn(pod)) return this.#planHedge();
    }
    // A hedge that finds no room is left out: another attempt is open.
    if (this.#open === undefined) call.wait();
  }

  #startOn(pod: ClientPod): boolean {
    const call = this.#call;
    const attempt = new Attempt(call, pod);
    const head = call.host.head(call.method, call.authority);
    const headers = withHeaders(attemptHeaders(call, this.#made), pod.headers);
    attempt.stream = pod.open(headers.length === 0 ? head : { ...head, headers }, attempt);
    if (attempt.stream === undefined) {
      attempt.discard();
      return false;
    }
    if (this.last !== undefined) {
      this.tried ??= [this.last.pod.id];
      this.tried.push(pod.id);
    }
    this.last = attempt;
    attempt.older = this.#open;
    this.#open = attempt;
    this.#made += 1;
    call.running();
    call.feed(attempt);
    return true;
  }

  request(count: number): void {
    for (let one = this.#open, older: typeof one; one !== undefined; one = older) {
      older = one.older;
      one.stream?.request(count);
    }
  }

  pump(): void {
    for (let one = this.#open, older: typeof one; one !== undefined; one = older) {
      older = one.older;
      this.#call.retryBuffer.pump(one);
    }
  }

  isCommitted(attempt: Attempt): boolean {
    return this.#committed === attempt;
  }

  /** Binds the call to the attempt that replied; false when it is bound to another. */
  commit(attempt: Attempt): boolean {
    if (this.#committed !== undefined) return this.#committed === attempt;
    this.#committed = attempt;
    this.last = attempt;
    this.#timer?.cancel();
    this.#abandon(ErrorCode.CANCEL, 'cancelled', attempt);
    this.#call.retryBuffer.commit(attempt);
    return true;
  }

  /** The messages are too large to be kept: the call stays with the attempt it has. False when there is none yet. */
  bind(): boolean {
    const attempt = this.#open;
    if (attempt === undefined) return false;
    this.#bound = true;
    this.last = attempt;
    this.#timer?.cancel();
    this.#abandon(ErrorCode.CANCEL, 'cancelled', attempt);
    this.#call.retryBuffer.commit(attempt);
    return true;
  }

  /** Ends every attempt; the call is over. */
  abandonAll(errorCode: number, outcome: 'failed' | 'cancelled'): void {
    this.#timer?.cancel();
    this.#abandon(errorCode, outcome, undefined);
  }

  onEnd(attempt: Attempt, end: StreamEnd): void {
    this.#remove(attempt);
    const final = this.#committed === attempt || this.#bound;
    if (final || !this.#goesOn(attempt, end)) {
      if (end.kind === 'trailers' && header(end.headers, 'grpc-status') === '0')
        this.#call.host.throttle?.onSuccess();
      this.#call.finishWith(end);
    }
  }

  /** Whether another attempt is open, started or planned in the place of this one. */
  #goesOn(attempt: Attempt, end: StreamEnd): boolean {
    this.#exclude(attempt.pod);
    this.lastEnd = end;
    if (end.kind === 'unprocessed' && this.#isTransparent(end.leftClient)) {
      this.#made -= 1;
      if (this.#open === undefined) this.#call.again();
      return true;
    }
    const { retry, hedging } = this.#call.method.config;
    const policy = retry ?? hedging;
    if (policy === undefined) return false;
    const { code, trailers } = fromEnd(end);
    const retryable = (retry?.retryableStatusCodes ?? hedging!.nonFatalStatusCodes).has(code);
    if (!retryable) return false;
    const { throttle, random } = this.#call.host;
    throttle?.onFailure();
    const pushback = readPushback(trailers);
    const allowed = pushback !== 'stop' && (throttle?.allowed ?? true) && !this.#call.host.closed;
    if (this.#made >= policy.maxAttempts || !allowed) {
      // A hedge may have been planned.
      this.#timer?.cancel();
      return this.#open !== undefined;
    }
    this.#backoffs = pushback === undefined ? this.#backoffs + 1 : 0;
    this.#plan(pushback ?? (retry === undefined ? 0 : retryDelayMs(retry, this.#backoffs, random)));
    return true;
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
    const call = this.#call;
    this.#unsentMs ??= call.nowMs();
    return call.waitForReady || call.nowMs() - this.#unsentMs < call.host.waitTimeoutMs;
  }

  #exclude(pod: ClientPod): void {
    this.#call.excluded ??= new Set();
    this.#call.excluded.add(pod);
  }

  #plan(delayMs: number): void {
    this.#timer?.cancel();
    if (delayMs <= 0) return this.#next();
    if (this.#open === undefined) this.#call.pause();
    this.#timer = this.#call.host.clock.after(delayMs, () => this.#next());
  }

  #next(): void {
    if (this.#open === undefined) this.#call.again();
    else if (this.#call.host.throttle?.allowed ?? true) this.start();
  }

  #planHedge(): void {
    const { hedging } = this.#call.method.config;
    if (hedging === undefined || this.#made >= hedging.maxAttempts) return;
    // While the attempt was given its messages, the call may have been bound to it, or cancelled.
    if (this.#committed !== undefined || this.#bound || this.#call.phase !== 'running') return;
    // A hedge goes to a Pod that has not got this call.
    const pod = this.last!.pod;
    this.#call.excluded ??= new Set();
    this.#call.excluded.add(pod);
    this.#plan(hedging.hedgingDelayMs);
  }

  #abandon(errorCode: number, outcome: 'failed' | 'cancelled', keep: Attempt | undefined): void {
    let one = this.#open;
    this.#open = keep;
    while (one !== undefined) {
      const { older } = one;
      one.older = undefined;
      if (one !== keep) one.abandon(errorCode, outcome);
      one = older;
    }
  }

  #remove(attempt: Attempt): void {
    if (this.#open === attempt) this.#open = attempt.older;
    else {
      let newer = this.#open;
      while (newer !== undefined && newer.older !== attempt) newer = newer.older;
      if (newer !== undefined) newer.older = attempt.older;
    }
    attempt.older = undefined;
  }
}
