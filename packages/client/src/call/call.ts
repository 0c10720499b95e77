// Long because a call is one object: each further one would be garbage of every call.
import { isUint8Array } from 'node:util/types';
import { type CallCredentials, type status as Code, type Metadata, status as Status } from '@grpc/grpc-js';
import { show, timers } from '@podwire/core';
import {
  compress,
  compressesLater,
  type Encoding,
  ErrorCode,
  type RawHeaders,
  type StreamEnd,
} from '@podwire/http2';
import { whyNoPod, whyUnavailable } from '../cluster/unavailable.ts';
import type { Waiter } from '../cluster/wait-queue.ts';
import { authenticate } from '../headers/authenticate.ts';
import {
  NO_REQUEST_HEADERS,
  type RequestHeaders,
  requestHeaders,
  UnsendableCall,
} from '../headers/request-headers.ts';
import type { CallTrace } from '../observe/observer.ts';
import { hashOf } from '../options/hash-key.ts';
import type { ClientPod } from '../pod/pod.ts';
import type { PodwireStatus, Reason } from '../reasons.ts';
import type { Attempt } from './attempt.ts';
import { type AttemptedCall, Attempts } from './attempts.ts';
import type { CallPlan, PlannedMethod } from './call-plan.ts';
import type { CallRuntime, Scheduled, Suspended } from './call-runtime.ts';
import { Compressing } from './compressing.ts';
import { credentialsFailure } from './credentials.ts';
import { callError, callerStatus, endStatus, overdue } from './failure.ts';
import { type CallListener, type GrpcCall, ListenerContext } from './listener-context.ts';
import type { Inherited } from './parent.ts';
import { OK } from './status.ts';
import { WheelEntry } from './timer-wheel.ts';

/**
 * `scheduled`: begins with this turn's batch. `waiting`: has no Pod. `running`: has an attempt. `pausing`: has an attempt planned
 * and none open.
 */
type Phase = 'new' | 'authenticating' | 'scheduled' | 'waiting' | 'running' | 'pausing' | 'ended';

/** What was asked of a call: a message is by its arguments. */
type Asked = 'startRead' | 'halfClose' | Parameters<GrpcCall['sendMessageWithContext']>;

const NO_COMPRESS = 2; // grpc-js WriteFlags.NoCompress

/** One call, from `createCall` to its status. grpc-js's clients use it as their call. */
export class Call extends WheelEntry implements GrpcCall, AttemptedCall, Waiter, Scheduled, Suspended {
  // The fields that policies read are on the call itself, so that a pick makes no object.
  hash = 0;
  excluded: Set<ClientPod> | undefined;
  readonly runtime: CallRuntime;
  readonly method: PlannedMethod;
  readonly host: string | undefined;
  /** The deadline on the channel's monotonic clock; Infinity is none. */
  deadlineMs: number;
  /** The deadline, or the end of the wait for a Pod if that is earlier. */
  dueMs = Number.POSITIVE_INFINITY;
  startedMs = 0;
  waitForReady = false;
  request: RequestHeaders = NO_REQUEST_HEADERS;
  phase: Phase = 'new';
  /** Set by `start`, like the fields below. */
  attempts: Attempts | undefined;
  listener!: ListenerContext;
  plan!: CallPlan;
  trace: CallTrace | undefined;
  #compressing: Compressing | undefined;
  #credentials: CallCredentials | undefined;
  #inherited: Inherited | undefined;
  #isLooking = false;
  /** What was asked of it before it was started: an interceptor of grpc-js may start it later, and reads pass at once. */
  #before: Asked[] | undefined;
  /** The status of a call that was cancelled before it was started. */
  #early: PodwireStatus | undefined;

  constructor(runtime: CallRuntime, method: PlannedMethod, deadlineMs: number, host: string | undefined) {
    super();
    this.runtime = runtime;
    this.method = method;
    this.deadlineMs = deadlineMs;
    this.host = host;
    this.#credentials = runtime.callCredentials;
  }

  get isSteered(): boolean {
    return this.request.pod !== undefined || this.request.exclude !== undefined;
  }

  /** Takes over a parent call's deadline and cancellation. The parent is detached when this call ends. */
  follow(inherited: Inherited, deadlineMs: number): void {
    this.#inherited = inherited;
    this.deadlineMs = Math.min(this.deadlineMs, deadlineMs);
  }

  /**
   * Starts the call. The metadata is read now, because the caller may change it for its next call. `reads` stands for that many calls of
   * `startRead`. `isWhole`: the message and `halfClose` follow at once, so that the call need not be scheduled.
   */
  start(metadata: Metadata | undefined, listener: CallListener, reads = 0, isWhole = false): void {
    this.attempts = new Attempts(this, reads);
    this.listener = new ListenerContext(listener);
    if (this.#early !== undefined) return this.#tell(this.#early);
    const { runtime, method } = this;
    this.startedMs = runtime.clock.nowMs();
    this.phase = 'scheduled';
    runtime.onCallStart(this.startedMs);
    if (runtime.observer !== undefined) this.#observe();
    const plan = method.only ?? this.#choosePlan(metadata);
    if (plan === undefined) return this.#hasNoRoute();
    this.plan = plan;
    const { timeoutMs, waitForReady = false } = plan.config;
    this.waitForReady = metadata?.getOptions().waitForReady ?? waitForReady;
    if (timeoutMs !== undefined) this.deadlineMs = Math.min(this.deadlineMs, this.startedMs + timeoutMs);
    if (this.deadlineMs !== Number.POSITIVE_INFINITY) this.#due(this.deadlineMs, this.startedMs);
    if (this.deadlineMs <= this.startedMs) return this.onDue();
    if (metadata !== undefined && !this.#flatten(metadata)) return;
    if (plan.needsHash && !this.#takeHash(metadata)) return;
    if (this.#credentials !== undefined) this.#authenticate(this.#credentials);
    else if (!isWhole) runtime.schedule(this);
    if (this.#before !== undefined) this.#askAgain(this.#before);
  }

  sendMessageWithContext(context: Parameters<GrpcCall['sendMessageWithContext']>[0], message: Buffer): void {
    const { callback } = context;
    if (this.phase === 'ended') {
      if (callback !== undefined) timers.nextTick(callback);
      return;
    }
    if (this.phase === 'new') return this.#keepAsked([context, message]);
    // Not `instanceof`, because under Jest the message may be of another realm.
    if (!isUint8Array(message)) {
      if (callback !== undefined) timers.nextTick(callback);
      const text = `the serializer returned ${show(message)}, which is no Buffer`;
      return this.fail(Status.INTERNAL, 'INVALID_CALL', text);
    }
    const limit = this.plan.maxSendBytes;
    if (limit >= 0 && message.length > limit) {
      if (callback !== undefined) timers.nextTick(callback);
      const text = `the message to send of ${message.length} bytes is larger than the limit of ${limit}`;
      return this.fail(Status.RESOURCE_EXHAUSTED, 'MESSAGE_TOO_LARGE', text);
    }
    const written = callback && this.listener.bound(callback);
    const { compression } = this.runtime;
    const plain = compression === 'identity' || ((context.flags ?? 0) & NO_COMPRESS) !== 0;
    const isBehind = this.#compressing?.isEmpty === false;
    if (isBehind || (!plain && compressesLater(message.length)))
      return this.#sendLater(message, !plain, written);
    this.attempts?.send(plain ? message : compress(message, compression), !plain, written);
  }

  #sendLater(message: Buffer, compressed: boolean, written: (() => void) | undefined): void {
    this.#compressing ??= new Compressing(
      this.runtime.compression as Exclude<Encoding, 'identity'>,
      (bytes, isCompressed, done) => this.attempts?.send(bytes, isCompressed, done),
      (reason) => this.fail(Status.INTERNAL, 'INVALID_CALL', `the message cannot be compressed: ${reason}`),
    );
    this.#compressing.push(message, compressed, written);
    // Compressing may take a while, so a unary call is not whole at once either.
    if (this.phase === 'scheduled') this.runtime.schedule(this);
  }

  startRead(): void {
    if (this.attempts === undefined) this.#keepAsked('startRead');
    else this.attempts.request();
  }

  halfClose(): void {
    if (this.phase === 'ended') return;
    if (this.phase === 'new') return this.#keepAsked('halfClose');
    if (this.#compressing?.isEmpty === false) {
      this.#compressing.onEmpty = () => this.halfClose();
      return;
    }
    // A unary call is whole now: its headers, message and end leave together, without a turn of the microtask queue.
    const begins = this.phase === 'scheduled';
    if (begins) this.#exclude();
    this.attempts?.halfClose(begins);
  }

  cancelWithStatus(code: Code, details: string): void {
    if (this.phase !== 'ended') this.finish(callerStatus(this, code, details));
  }

  /** Adds credentials to those that the call has: the channel's, the client's and its own. */
  setCredentials(credentials: CallCredentials): void {
    this.#credentials = this.#credentials?.compose(credentials) ?? credentials;
  }

  getPeer(): string {
    return this.attempts?.last?.stream?.peer.remoteAddress ?? this.runtime.service;
  }

  getCallNumber(): number {
    return 0;
  }

  getAuthContext(): ReturnType<GrpcCall['getAuthContext']> {
    const peer = this.attempts?.last?.stream?.peer;
    if (peer === undefined) return null;
    const { peerCertificate } = peer;
    // As in grpc-js, nothing is told of a peer that was not verified.
    if (peerCertificate === undefined) return {};
    return { transportSecurityType: 'ssl', sslPeerCertificate: peerCertificate };
  }

  nowMs(): number {
    return this.runtime.clock.nowMs();
  }

  /** Starts the first attempt, or waits for a Pod. Called by the batch, and again by the queue. */
  begin(): void {
    if (this.phase !== 'scheduled' && this.phase !== 'waiting') return;
    if (this.phase === 'waiting' && this.#isHopeless()) return;
    this.#exclude();
    this.attempts?.start();
  }

  retry(): boolean {
    // It looks already: a Pod that it asks for may be ready at once, and all that wait are told.
    if (this.#isLooking) return false;
    const { queue } = this.plan.cluster;
    this.#isLooking = true;
    this.begin();
    this.#isLooking = false;
    return this.phase !== 'waiting' || this.plan.cluster.queue !== queue;
  }

  /** Takes a new plan. A call that has had an attempt stays with its cluster, unless that is retired. */
  replan(): void {
    const { cluster } = this.plan;
    if (this.attempts?.last !== undefined && !cluster.isRetired) {
      // Its policy may read keys now: calls that have none would all go to one Pod.
      if (cluster.policy.needsHash && !this.plan.needsHash && this.hash === 0) this.#takeAnyHash();
      return;
    }
    const plan = this.runtime.planner.plan(this.method, this.host, (name) =>
      valueIn(this.request.headers, name),
    );
    // Attempts that are open go on.
    if (plan === undefined) return this.attempts?.last === undefined ? this.#hasNoRoute() : undefined;
    // The caller may have changed the metadata by now, so a call whose old plan needed no hash gets a random one.
    if (plan.needsHash && !this.plan.needsHash) this.#takeAnyHash();
    this.plan = plan;
    if (plan.cluster === cluster) return;
    this.#exclude();
    if (this.phase !== 'waiting') return;
    cluster.queue.remove(this);
    this.phase = 'scheduled';
  }

  wait(): void {
    if (this.phase === 'ended') return;
    const { runtime, request, waitForReady } = this;
    const { cluster } = this.plan;
    if (runtime.closed) return this.onChannelClosed();
    // Nothing wakes a call there: it would have moved if there were another place for it.
    if (cluster.isRetired) return this.#hasNoRoute();
    const refusal = whyUnavailable({ pod: request.pod, waitForReady }, cluster);
    if (refusal !== undefined) return this.fail(refusal.code, refusal.reason, refusal.details);
    if (this.phase === 'waiting' || this.#isHopeless()) return;
    if (!cluster.queue.add(this)) {
      const waitFor = whyNoPod(runtime.service, cluster);
      const text = `${runtime.waitLimit.maxCalls} calls (waiting.maxCalls) wait already for ${waitFor}`;
      return this.fail(Status.UNAVAILABLE, 'WAIT_QUEUE_FULL', text);
    }
    this.phase = 'waiting';
    // A call that goes on waiting in another cluster does not get more time.
    if (waitForReady || this.dueMs !== this.deadlineMs) return;
    const nowMs = this.nowMs();
    this.#due(Math.min(this.deadlineMs, nowMs + runtime.waitTimeoutMs), nowMs);
  }

  /** Ends a call that waits for room and has less time left than its method takes: to send it would cost others their time. */
  #isHopeless(): boolean {
    const { cluster, norm } = this.plan;
    const leftMs = this.deadlineMs - this.nowMs();
    if (cluster.state !== 'ready' || !norm.isKnown || leftMs <= 0 || leftMs >= norm.medianMs) return false;
    const text = `has ${Math.round(leftMs)} ms left, and calls of this method take ${Math.round(norm.medianMs)} ms; waited for ${whyNoPod(this.runtime.service, cluster)}`;
    this.fail(Status.UNAVAILABLE, 'OVER_LIMIT', text);
    return true;
  }

  running(): void {
    this.phase = 'running';
    if (this.dueMs !== this.deadlineMs) this.#due(this.deadlineMs, this.nowMs());
  }

  suspend(): void {
    this.phase = 'pausing';
    this.runtime.suspended.add(this);
  }

  resume(): void {
    this.runtime.suspended.delete(this);
    this.phase = 'scheduled';
    this.begin();
  }

  /** The transport calls it, so no method of the caller is running and the listener can be told at once. */
  onEnd(attempt: Attempt, end: StreamEnd): void {
    // A server that sees the deadline pass resets the stream, and that may arrive before our own timer fires (as in grpc-go).
    if (end.kind === 'reset' && end.errorCode === ErrorCode.CANCEL && this.deadlineMs <= this.nowMs())
      return this.onDue();
    const ended = attempt.status;
    const status = ended === OK ? undefined : endStatus(this, end, ended);
    this.#end('cancelled', ended.code);
    if (status === undefined) this.listener.ok();
    else this.listener.status(status);
  }

  onDue(): void {
    // A waiting call is no longer due if it got the Pod of another call that was due in the same turn.
    if (this.phase !== 'ended' && this.dueMs <= this.nowMs()) this.finish(overdue(this));
  }

  onChannelClosed(): void {
    this.fail(Status.UNAVAILABLE, 'CHANNEL_CLOSED', 'the channel was closed');
  }

  /** Ends the call with an error of podwire's own. */
  fail(code: Code, reason: Reason, what: string): void {
    if (this.phase !== 'ended') this.finish(callError(this, code, reason, what));
  }

  #hasNoRoute(): void {
    this.fail(Status.UNAVAILABLE, 'NO_ENDPOINTS', 'no route of the service matches the call');
  }

  /** Ends the call. The listener is told on the next tick, because a method of the caller may be running. */
  finish(status: PodwireStatus): void {
    if (this.phase === 'ended') return;
    this.#end(status.code === Status.DEADLINE_EXCEEDED ? 'failed' : 'cancelled', status.code);
    if (this.attempts === undefined) this.#early = status;
    else this.#tell(status);
  }

  /** Ends the call and leaves nothing of it behind. */
  #end(outcome: 'failed' | 'cancelled', code: Code): void {
    const before = this.phase;
    this.phase = 'ended';
    if (before === 'waiting') this.plan.cluster.queue.remove(this);
    else if (before === 'authenticating' || before === 'pausing') this.runtime.suspended.delete(this);
    this.runtime.wheel.remove(this);
    this.#inherited?.detach();
    this.#compressing?.stop();
    if (before !== 'new') this.runtime.onCallEnd();
    this.attempts?.end(outcome, code);
    if (this.trace !== undefined) this.trace.onEnd?.(code, this.nowMs());
  }

  #tell(status: PodwireStatus): void {
    timers.nextTick(() => this.listener.status(status));
  }

  #due(dueMs: number, nowMs: number): void {
    const { wheel } = this.runtime;
    wheel.remove(this);
    this.dueMs = dueMs;
    if (dueMs !== Number.POSITIVE_INFINITY) wheel.add(this, nowMs);
  }

  /** No closure: one would cost every message, also those of calls that were started. */
  #keepAsked(asked: Asked): void {
    this.#before ??= [];
    this.#before.push(asked);
  }

  #askAgain(before: readonly Asked[]): void {
    this.#before = undefined;
    for (const asked of before) {
      if (typeof asked === 'string') this[asked]();
      else this.sendMessageWithContext(...asked);
    }
  }

  #choosePlan(metadata: Metadata | undefined): CallPlan | undefined {
    return this.runtime.planner.plan(this.method, this.host, (name) => headerOf(metadata, name));
  }

  #observe(): void {
    const { runtime, startedMs } = this;
    const { service, target } = runtime;
    this.trace = runtime.observer?.onCall?.({ method: this.method.path, service, target, startedMs });
  }

  /** As of a call without a key. */
  #takeAnyHash(): void {
    this.hash = hashOf(undefined, this.method.path, undefined, this.runtime.random);
  }

  #takeHash(metadata: Metadata | undefined): boolean {
    try {
      this.hash = hashOf(this.runtime.hashKey, this.method.path, metadata, this.runtime.random);
      return true;
    } catch (error) {
      this.fail(Status.INTERNAL, 'INVALID_CALL', (error as Error).message);
      return false;
    }
  }

  /** Excludes the Pods that its metadata name. Called each time the call looks for a Pod, because such Pods may have come meanwhile. */
  #exclude(): void {
    const { exclude } = this.request;
    if (exclude === undefined) return;
    this.excluded ??= new Set();
    for (const id of exclude) {
      const pod = this.plan.cluster.pods.get(id);
      if (pod !== undefined) this.excluded.add(pod);
    }
  }

  /** Adds metadata to the request headers; false when that ended the call. */
  #flatten(metadata: Metadata): boolean {
    try {
      this.request = requestHeaders(metadata, this.deadlineMs !== Number.POSITIVE_INFINITY, this.request);
      return true;
    } catch (error) {
      if (!(error instanceof UnsendableCall)) throw error;
      this.fail(error.code, 'INVALID_CALL', error.message);
      return false;
    }
  }

  #authenticate(credentials: CallCredentials): void {
    const { runtime, method, host } = this;
    if (!runtime.secure) {
      const text = 'call credentials are not sent over a plaintext connection: configure tls, or remove them';
      return this.fail(Status.UNAUTHENTICATED, 'INSECURE_CREDENTIALS', text);
    }
    this.phase = 'authenticating';
    runtime.suspended.add(this);
    authenticate(credentials, host ?? this.plan.cluster.authority, method.path).then(
      (added) => {
        if (this.phase === 'authenticating' && this.#flatten(added)) this.resume();
      },
      (error: unknown) => {
        const { code, text } = credentialsFailure(error);
        this.fail(code, 'CREDENTIALS', text);
      },
    );
  }
}

/** What routes see of metadata: several values of one name are joined, as HTTP does (RFC 9110 §5.3). */
function headerOf(metadata: Metadata | undefined, name: string): string | undefined {
  const values = metadata?.get(name) ?? [];
  if (values.length === 0) return undefined;
  return values.map((value) => (typeof value === 'string' ? value : value.toString('base64'))).join(',');
}

/** The same of metadata that were flattened. */
function valueIn(headers: RawHeaders, name: string): string | undefined {
  const values = headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === name);
  return values.length === 0 ? undefined : values.join(',');
}
