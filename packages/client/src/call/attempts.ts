// Long because the attempts of a call are one object, for the sake of garbage; the rules of retries are in retries.ts.
import { status as Status } from '@grpc/grpc-js';
import type { PickInfo } from '@podwire/balancer';
import type { Timer } from '@podwire/core';
import { ErrorCode, type RawHeaders, type StreamEnd } from '@podwire/http2';
import { withHeaders } from '../headers/endpoint-headers.ts';
import type { RequestHeaders } from '../headers/request-headers.ts';
import type { AttemptTrace, CallTrace } from '../observe/observer.ts';
import type { ClientPod } from '../pod/pod.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { attemptHeaders } from './attempt-headers.ts';
import type { CallPlan } from './call-plan.ts';
import type { CallRuntime } from './call-runtime.ts';
import { Retries } from './retries.ts';
import { RetryBuffer } from './retry-buffer.ts';

/** How often to pick again when the chosen Pod's connection filled up between pick and open; after that the call waits. */
const MAX_OPENS = 8;

/** For how long a Pod on probation is kept for calls that can be tried again. */
const PREFERENCE_MS = 1_000;

/** Receives the reply that the call is committed to. */
export interface ReplyListener {
  headers(headers: RawHeaders): void;
  message(message: Buffer): void;
}

/** The call, as far as its attempts read and tell it. */
export interface AttemptedCall extends PickInfo<ClientPod> {
  readonly runtime: CallRuntime;
  readonly plan: CallPlan;
  readonly request: RequestHeaders;
  /** The call's own host, in the place of the cluster's authority. */
  readonly host: string | undefined;
  readonly deadlineMs: number;
  readonly waitForReady: boolean;
  readonly trace: CallTrace | undefined;
  /** The caller. */
  readonly listener: ReplyListener;
  excluded: Set<ClientPod> | undefined;
  /** Routes or settings changed: takes a new plan if it still can, or ends. */
  replan(): void;
  /** No Pod takes the call now. */
  wait(): void;
  /** An attempt was started. */
  running(): void;
  /** No attempt is open, and the next one begins later. */
  suspend(): void;
  /** The next one may begin: no attempt is open. */
  resume(): void;
  /** The call ends as this attempt ended. */
  onEnd(attempt: Attempt, end: StreamEnd): void;
}

/** The attempts of one call: transparent retries, retries and hedging (gRFC A6). The caller's messages and requests go through here. */
export class Attempts implements AttemptOwner {
  readonly #call: AttemptedCall;
  readonly #buffer: RetryBuffer = new RetryBuffer();
  /** The newest open attempt; each knows the next older one. */
  #open: Attempt | undefined;
  #committed: Attempt | undefined;
  /** Whether the buffer was given up before the attempt replied, so that no other attempt can follow. */
  #bound = false;
  #over = false;
  /** Attempts that count for the policy. */
  #made = 0;
  #retries: Retries | undefined;
  #timer: Timer | undefined;
  /** Messages asked for and not delivered. */
  #wanted: number;
  #bufferedBytes = 0;
  /** The trace of the attempt that has no Pod yet. */
  #trace: AttemptTrace | undefined;
  /** Ids of every Pod that the call was sent to, in order; undefined while there is only `last`. */
  tried: string[] | undefined;
  /** The attempt that the call is committed to; before there is one, the newest. */
  last: Attempt | undefined;
  /** The last attempt that another one has replaced, or will replace. */
  replaced: Attempt | undefined;

  /** `wanted`: how many messages the caller takes; it stands for that many calls of `request`. */
  constructor(call: AttemptedCall, wanted: number) {
    this.#call = call;
    this.#wanted = wanted;
  }

  get path(): string {
    return this.#call.plan.path;
  }

  onLetGo(): void {
    this.#call.runtime.letGo();
  }

  get hash(): number {
    return this.#call.hash;
  }

  /** Starts an attempt on the Pod that the policy picks, or has the call wait. */
  start(): void {
    const call = this.#call;
    const { plan } = call;
    if (!plan.isCurrent || plan.cluster.isRetired) {
      call.replan();
      if (this.#over) return;
    }
    if (call.trace !== undefined && this.#open === undefined) this.#begin(call.trace);
    for (let opens = 0; opens < MAX_OPENS; opens++) {
      const pod = this.#pick();
      if (pod === undefined) break;
      if (this.#startOn(pod)) return this.#planHedge();
    }
    // A hedge that finds no room is left out: another attempt is open.
    if (this.#open === undefined) call.wait();
  }

  /** The caller sends a message. */
  send(bytes: Uint8Array, compressed: boolean, written: (() => void) | undefined): void {
    this.#buffer.push(bytes, compressed, written);
    if (this.#open !== undefined) this.#pump(this.#open);
  }

  /** The caller sends no more. `begins`: starts the first attempt now, which gets all messages at once. */
  halfClose(begins: boolean): void {
    this.#buffer.halfClosed = true;
    if (begins) this.start();
    else if (this.#open !== undefined) this.#pump(this.#open);
  }

  /** The caller takes one more message. */
  request(): void {
    this.#wanted += 1;
    for (let one = this.#open, older: typeof one; one !== undefined; one = older) {
      older = one.older;
      one.stream?.request(1);
    }
  }

  onHeaders(attempt: Attempt, headers: RawHeaders): void {
    if (this.#over || !this.#commit(attempt)) return;
    this.#account();
    this.#call.listener.headers(headers);
  }

  onMessage(attempt: Attempt, message: Buffer): void {
    if (this.#over || this.#committed !== attempt) return;
    this.#wanted -= 1;
    this.#call.listener.message(message);
  }

  onEnd(attempt: Attempt, end: StreamEnd): void {
    if (this.#over) return;
    this.#remove(attempt);
    const isFinal = this.#committed === attempt || this.#bound;
    if (attempt.status.code === Status.OK) this.#call.runtime.throttle?.onSuccess();
    else if (!isFinal && this.#goesOn(attempt, end)) return;
    this.#call.onEnd(attempt, end);
  }

  /** The call is over: ends every attempt, and keeps nothing. */
  end(outcome: 'failed' | 'cancelled', code: number): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#abandon(ErrorCode.CANCEL, outcome, undefined);
    this.#buffer.release();
    this.#account();
    if (this.#trace !== undefined) this.#trace.onEnd?.(code, this.#call.runtime.clock.nowMs(), undefined);
    this.#trace = undefined;
  }

  #pick(): ClientPod | undefined {
    const call = this.#call;
    if (call.runtime.closed || call.runtime.isFull) return undefined;
    const { pod, exclude } = call.request;
    const { cluster } = call.plan;
    if (pod !== undefined) return cluster.pickNamed(pod);
    const picked = exclude === undefined ? cluster.picker?.pick(call) : cluster.pickOther(call);
    return picked?.onProbation === true ? this.#orAnother(picked) : picked;
  }

  /** The Pod's next call decides whether it comes back. For a while it is kept for a call that can be tried again. */
  #orAnother(pod: ClientPod): ClientPod | undefined {
    const call = this.#call;
    const { runtime, plan } = call;
    const { retry, hedging } = plan.config;
    const isSafe = retry !== undefined || hedging !== undefined;
    const isLate = runtime.clock.nowMs() - pod.probationMs >= PREFERENCE_MS;
    if (isSafe || isLate || !runtime.hasRetries || call.excluded?.has(pod) === true) return pod;
    const excluded = new Set(call.excluded).add(pod);
    return plan.cluster.picker?.pick({ hash: call.hash, excluded });
  }

  #startOn(pod: ClientPod): boolean {
    const call = this.#call;
    const { plan, host } = call;
    const nowMs = call.runtime.clock.nowMs();
    const attempt = new Attempt(this, pod, plan.norm, this.#made, this.#open !== undefined, nowMs);
    if (call.runtime.hasLimits) {
      call.runtime.hold();
      attempt.hold();
    }
    const head = host === undefined ? plan.head : plan.headFor(host);
    const own = attemptHeaders(call, this.#made);
    const headers = pod.headers.length === 0 ? own : withHeaders(own, pod.headers);
    const stream = pod.connections.open(headers.length === 0 ? head : { ...head, headers }, attempt);
    if (stream === undefined) {
      attempt.discard();
      return false;
    }
    attempt.stream = stream;
    if (this.last !== undefined) {
      this.tried ??= [this.last.pod.id];
      this.tried.push(pod.id);
    }
    this.last = attempt;
    attempt.older = this.#open;
    this.#open = attempt;
    this.#made += 1;
    // Done first: monitors, when they are told, may let waiting calls look for a Pod, and this call no longer waits.
    call.running();
    pod.owner.monitors?.onAttemptStart(attempt);
    if (call.trace !== undefined) this.#tellStart(call.trace, attempt);
    if (this.#wanted > 0) stream.request(this.#wanted);
    this.#buffer.pump(attempt);
    this.#account();
    return true;
  }

  #begin(trace: CallTrace): void {
    const { cluster } = this.#call.plan;
    if (this.#trace !== undefined || cluster.state === 'unknown') return;
    const beganMs = this.#call.runtime.clock.nowMs();
    this.#trace = trace.onAttempt?.({ ordinal: this.#made, isHedge: false, beganMs });
  }

  #tellStart(trace: CallTrace, attempt: Attempt): void {
    const { ordinal, isHedge, startedMs } = attempt;
    attempt.trace = this.#trace ?? trace.onAttempt?.({ ordinal, isHedge, beganMs: startedMs });
    this.#trace = undefined;
    attempt.trace?.onStart?.(attempt);
  }

  #pump(newest: Attempt): void {
    for (let one: Attempt | undefined = newest, older: Attempt | undefined; one !== undefined; one = older) {
      older = one.older;
      this.#buffer.pump(one);
    }
    this.#account();
  }

  /** Binds the call to the attempt that replied; false when it is bound to another. */
  #commit(attempt: Attempt): boolean {
    if (this.#committed !== undefined) return this.#committed === attempt;
    this.#committed = attempt;
    this.#keep(attempt, true);
    return true;
  }

  /** Binds the call to this attempt: gives up all others, and keeps no messages for another one. */
  #keep(attempt: Attempt, hasWon = false): void {
    this.last = attempt;
    this.#timer?.cancel();
    this.#abandon(ErrorCode.CANCEL, 'cancelled', attempt, hasWon);
    this.#buffer.commit(attempt);
  }

  /** Updates the channel's sum of buffered bytes. A call over a limit is bound to the attempt that it has. */
  #account(): void {
    const { bytes } = this.#buffer;
    if (bytes === this.#bufferedBytes) return;
    const { runtime } = this.#call;
    runtime.retryBytes += bytes - this.#bufferedBytes;
    this.#bufferedBytes = bytes;
    const isOver = bytes > runtime.retryBytesPerCall || runtime.retryBytes > runtime.retryBytesPerChannel;
    const attempt = this.#open;
    if (!isOver || attempt === undefined) return;
    this.#bound = true;
    this.#keep(attempt);
    this.#account();
  }

  /** Whether another attempt is open, started or planned in the place of this one. */
  #goesOn(attempt: Attempt, end: StreamEnd): boolean {
    const call = this.#call;
    const { config } = call.plan;
    // A call without a policy is only ever sent again when no server has processed it.
    if (end.kind !== 'unprocessed' && config.retry === undefined && config.hedging === undefined)
      return false;
    this.#exclude(attempt.pod);
    this.replaced = attempt;
    this.#retries ??= new Retries(call);
    const next = this.#retries.after(end, attempt.status, config, this.#made);
    switch (next) {
      case 'final':
        return false;
      case 'exhausted':
        // A hedge may have been planned.
        this.#timer?.cancel();
        return this.#open !== undefined;
      case 'transparent':
        this.#made -= 1;
        if (this.#open === undefined) call.resume();
        return true;
      default:
        this.#plan(next);
        return true;
    }
  }

  #exclude(pod: ClientPod): void {
    this.#call.excluded ??= new Set();
    this.#call.excluded.add(pod);
  }

  #plan(delayMs: number): void {
    this.#timer?.cancel();
    if (delayMs <= 0) return this.#next();
    const { clock } = this.#call.runtime;
    if (this.#open === undefined) this.#call.suspend();
    this.#timer = clock.after(delayMs, () => this.#next());
  }

  #next(): void {
    if (this.#open === undefined) this.#call.resume();
    else if (this.#mayHedge()) this.start();
  }

  #mayHedge(): boolean {
    const { runtime, plan, deadlineMs } = this.#call;
    return runtime.clock.nowMs() + plan.norm.medianMs < deadlineMs && runtime.mayRetry();
  }

  #planHedge(): void {
    const { hedging } = this.#call.plan.config;
    if (hedging === undefined || this.#made >= hedging.maxAttempts) return;
    // While the attempt was given its messages, the call may have been bound to it, or have ended.
    if (this.#committed !== undefined || this.#bound || this.#over || this.#open === undefined) return;
    // A hedge goes to a Pod that has not received this call.
    this.#exclude(this.last!.pod);
    this.#plan(hedging.hedgingDelayMs);
  }

  #abandon(
    errorCode: number,
    outcome: 'failed' | 'cancelled',
    keep: Attempt | undefined,
    hasWon = false,
  ): void {
    let one = this.#open;
    this.#open = keep;
    while (one !== undefined) {
      const { older } = one;
      one.older = undefined;
      if (one !== keep) one.abandon(errorCode, outcome, hasWon ? keep : undefined);
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
