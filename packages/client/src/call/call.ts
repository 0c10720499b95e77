import { isUint8Array } from 'node:util/types';
import { type CallCredentials, type status as Code, Metadata, status as Status } from '@grpc/grpc-js';
import type { PickInfo } from '@podwire/balancer';
import { show, timers } from '@podwire/core';
import {
  compress,
  compressesLater,
  type Encoding,
  ErrorCode,
  type RawHeaders,
  type StreamEnd,
} from '@podwire/http2';
import {
  NO_REQUEST_HEADERS,
  type RequestHeaders,
  requestHeaders,
  UnsendableCall,
} from '../headers/request-headers.ts';
import type { ClientPod } from '../pod/pod.ts';
import type { PodwireStatus, Reason } from '../reasons.ts';
import type { Attempt, AttemptOwner } from './attempt.ts';
import { Attempts } from './attempts.ts';
import { Compressing } from './compressing.ts';
import { authenticate, credentialsFailure } from './credentials.ts';
import { callError, callerStatus, endStatus, overdue } from './failure.ts';
import type { CallHost } from './host.ts';
import { type CallListener, type GrpcCall, ListenerContext } from './listener-context.ts';
import type { Method } from './method.ts';
import type { Inherited } from './parent.ts';
import { RetryBuffer } from './retry-buffer.ts';
import { fromEnd, OK } from './status.ts';
import type { WheelEntry } from './timer-wheel.ts';

/**
 * `scheduled` begins with this turn's batch, `waiting` has no Pod, `running` has an attempt, `pausing` has one planned
 * and none open.
 */
type Phase = 'new' | 'authenticating' | 'scheduled' | 'waiting' | 'running' | 'pausing' | 'ended';

const NO_COMPRESS = 2; // grpc-js WriteFlags.NoCompress

/** One call, from `createCall` to its status: what grpc-js's clients see as their call. */
export class Call implements GrpcCall, PickInfo<ClientPod>, WheelEntry, AttemptOwner {
  hash = 0;
  excluded: Set<ClientPod> | undefined;
  wheelSlot = -1;
  wheelPrevious: WheelEntry | undefined;
  wheelNext: WheelEntry | undefined;
  readonly host: CallHost;
  readonly method: Method;
  readonly authority: string | undefined;
  readonly retryBuffer: RetryBuffer = new RetryBuffer();
  readonly attempts: Attempts = new Attempts(this);
  /** On the host's monotonic clock; Infinity is none. */
  deadlineMs: number;
  startedMs = 0;
  waitForReady = false;
  request: RequestHeaders = NO_REQUEST_HEADERS;
  phase: Phase = 'new';
  #listener: ListenerContext | undefined;
  #compressing: Compressing | undefined;
  #credentials: CallCredentials | undefined;
  #inherited: Inherited | undefined;
  /** While it waits for a Pod, and does not wait for ready. */
  #waitUntilMs: number | undefined;
  /** Messages asked for and not delivered. */
  #wanted = 0;
  #bufferedBytes = 0;
  /** The status of a call that was cancelled before it was started. */
  #early: PodwireStatus | undefined;

  constructor(host: CallHost, method: Method, deadlineMs: number, authority: string | undefined) {
    this.host = host;
    this.method = method;
    this.deadlineMs = deadlineMs;
    this.authority = authority;
  }

  /** Of the deadline and the end of the wait, the first. */
  get dueMs(): number {
    return this.#waitUntilMs === undefined ? this.deadlineMs : Math.min(this.deadlineMs, this.#waitUntilMs);
  }

  follow(inherited: Inherited): void {
    this.#inherited = inherited;
  }

  /** Whatever the caller gave is read here: it may be given something else for the next call. */
  start(metadata: Metadata | undefined, listener: CallListener): void {
    this.#listener = new ListenerContext(listener);
    if (this.#early !== undefined) return this.#tell(this.#listener, this.#early);
    this.startedMs = this.host.clock.nowMs();
    this.waitForReady = metadata?.getOptions().waitForReady ?? this.method.config.waitForReady ?? false;
    this.host.onCallStart(this);
    const { timeoutMs } = this.method.config;
    if (timeoutMs !== undefined) this.deadlineMs = Math.min(this.deadlineMs, this.startedMs + timeoutMs);
    this.phase = 'scheduled';
    this.#arm(this.startedMs);
    if (this.deadlineMs <= this.startedMs) return this.onDue();
    if (metadata !== undefined && !this.#flatten(metadata)) return;
    if (this.host.needsHash && !this.#takeHash(metadata)) return;
    if (this.#credentials === undefined) this.host.schedule(this);
    else this.#authenticate(this.#credentials);
  }

  sendMessageWithContext(context: Parameters<GrpcCall['sendMessageWithContext']>[0], message: Buffer): void {
    const callback = context.callback;
    if (this.phase === 'ended') {
      if (callback !== undefined) timers.nextTick(callback);
      return;
    }
    // Not `instanceof`: under Jest it may be of another realm.
    if (!isUint8Array(message)) {
      if (callback !== undefined) timers.nextTick(callback);
      const text = `the serializer returned ${show(message)}, which is no Buffer`;
      return this.fail(Status.INTERNAL, 'INVALID_CALL', text);
    }
    const limit = this.method.maxSendBytes;
    if (limit >= 0 && message.length > limit) {
      if (callback !== undefined) timers.nextTick(callback);
      const text = `the message to send of ${message.length} bytes is larger than the limit of ${limit}`;
      return this.fail(Status.RESOURCE_EXHAUSTED, 'MESSAGE_TOO_LARGE', text);
    }
    const written = callback && this.#listener?.bound(callback);
    const plain = this.host.compression === 'identity' || ((context.flags ?? 0) & NO_COMPRESS) !== 0;
    const isBehind = this.#compressing?.isEmpty === false;
    if (isBehind || (!plain && compressesLater(message.length)))
      return this.#sendLater(message, !plain, written);
    this.retryBuffer.push(plain ? message : compress(message, this.host.compression), !plain, written);
    this.#pump();
  }

  #sendLater(message: Buffer, compressed: boolean, written: (() => void) | undefined): void {
    this.#compressing ??= new Compressing(
      this.host.compression as Exclude<Encoding, 'identity'>,
      (bytes, isCompressed, done) => {
        this.retryBuffer.push(bytes, isCompressed, done);
        this.#pump();
      },
      (reason) => this.fail(Status.INTERNAL, 'INVALID_CALL', `the message cannot be compressed: ${reason}`),
    );
    this.#compressing.push(message, compressed, written);
  }

  startRead(): void {
    this.#wanted += 1;
    this.attempts.request(1);
  }

  halfClose(): void {
    if (this.phase === 'ended') return;
    if (this.#compressing?.isEmpty === false) {
      this.#compressing.onEmpty = () => this.halfClose();
      return;
    }
    this.retryBuffer.halfClosed = true;
    // A unary call is whole now: its headers, message and end leave together, without a turn of the microtask queue.
    if (this.phase === 'scheduled') this.begin();
    else this.#pump();
  }

  cancelWithStatus(code: Code, details: string): void {
    if (this.phase !== 'ended') this.finish(callerStatus(this, code, details));
  }

  /** Adds to the credentials that the call has: its channel's, its client's, its own. */
  setCredentials(credentials: CallCredentials): void {
    this.#credentials = this.#credentials?.compose(credentials) ?? credentials;
  }

  getPeer(): string {
    return this.attempts.last?.stream?.peer.remoteAddress ?? this.host.service;
  }

  getCallNumber(): number {
    return 0;
  }

  getAuthContext(): ReturnType<GrpcCall['getAuthContext']> {
    const peer = this.attempts.last?.stream?.peer;
    if (peer === undefined) return null;
    const { peerCertificate } = peer;
    // As in grpc-js: nothing is known of one that was not verified.
    if (peerCertificate === undefined) return {};
    return { transportSecurityType: 'ssl', sslPeerCertificate: peerCertificate };
  }

  nowMs(): number {
    return this.host.clock.nowMs();
  }

  /** Starts the first attempt, or waits for a Pod. Called by the batch, and again by the queue. */
  begin(): void {
    if (this.phase !== 'scheduled' && this.phase !== 'waiting') return;
    if (this.request.exclude !== undefined) this.#exclude(this.request.exclude);
    this.attempts.start();
  }

  /** No Pod takes the call now: it waits in the channel's queue, or fails. */
  wait(): void {
    if (this.phase === 'ended') return;
    const refusal = this.host.refuse(this);
    if (refusal !== undefined) return this.fail(refusal.code, refusal.reason, refusal.details);
    if (this.phase === 'waiting') return;
    if (!this.host.wait(this)) {
      const text = `${this.host.maxWaitingCalls} calls (waiting.maxCalls) wait already for ${this.host.waitingFor()}`;
      return this.fail(Status.UNAVAILABLE, 'WAIT_QUEUE_FULL', text);
    }
    this.phase = 'waiting';
    const nowMs = this.nowMs();
    if (!this.waitForReady) this.#waitUntilMs = nowMs + this.host.waitTimeoutMs;
    this.#arm(nowMs);
  }

  /** An attempt was started. */
  running(): void {
    if (this.phase === 'waiting') {
      this.#waitUntilMs = undefined;
      this.#arm(this.nowMs());
    }
    this.phase = 'running';
  }

  /** No attempt is open, and the next one begins later. */
  pause(): void {
    this.phase = 'pausing';
    this.host.suspended.add(this);
  }

  /** Begins anew, after no attempt is open any more. */
  again(): void {
    this.host.suspended.delete(this);
    this.phase = 'scheduled';
    this.begin();
  }

  /** Gives a new attempt what the caller sent and asked for so far. */
  feed(attempt: Attempt): void {
    if (this.#wanted > 0) attempt.stream?.request(this.#wanted);
    this.retryBuffer.pump(attempt);
    this.#account();
  }

  onAttemptHeaders(attempt: Attempt, headers: RawHeaders): void {
    if (this.phase === 'ended' || !this.attempts.commit(attempt)) return;
    this.#account();
    this.#listener?.headers(headers);
  }

  onAttemptMessage(attempt: Attempt, message: Buffer): void {
    if (this.phase === 'ended' || !this.attempts.isCommitted(attempt)) return;
    this.#wanted -= 1;
    this.#listener?.message(message);
  }

  onAttemptEnd(attempt: Attempt, end: StreamEnd): void {
    if (this.phase !== 'ended') this.attempts.onEnd(attempt, end);
  }

  onDue(): void {
    // One that waited, and got the Pod of another call that was due in the same turn, is not due any more.
    if (this.phase !== 'ended' && this.dueMs <= this.nowMs()) this.finish(overdue(this));
  }

  /** Ends the call with an error of podwire's own. */
  fail(code: Code, reason: Reason, what: string): void {
    if (this.phase !== 'ended') this.finish(callError(this, code, reason, what));
  }

  /** Ends the call as its last attempt ended; called by the transport, so that the listener can be told at once. */
  finishWith(end: StreamEnd): void {
    // A server that saw the deadline pass resets the stream, and may be heard before our own timer (as in grpc-go).
    if (end.kind === 'reset' && end.errorCode === ErrorCode.CANCEL && this.deadlineMs <= this.nowMs())
      return this.onDue();
    const ended = fromEnd(end);
    const status = ended === OK ? undefined : endStatus(this, end, ended);
    this.#end('cancelled');
    if (status === undefined) this.#listener?.ok();
    else this.#listener?.status(status);
  }

  /** Ends the call; the listener is told on the next tick, because a method of the caller's may be running. */
  finish(status: PodwireStatus): void {
    if (this.phase === 'ended') return;
    this.#end(status.code === Status.DEADLINE_EXCEEDED ? 'failed' : 'cancelled');
    if (this.#listener === undefined) this.#early = status;
    else this.#tell(this.#listener, status);
  }

  /** Nothing of the call is left behind. */
  #end(outcome: 'failed' | 'cancelled'): void {
    const before = this.phase;
    this.phase = 'ended';
    if (before === 'waiting') this.host.stopWaiting(this);
    else if (before === 'authenticating' || before === 'pausing') this.host.suspended.delete(this);
    this.host.wheel.remove(this);
    this.#inherited?.detach();
    this.attempts.abandonAll(ErrorCode.CANCEL, outcome);
    this.#compressing?.stop();
    this.retryBuffer.release();
    this.#account();
    if (before !== 'new') this.host.onCallEnd(this);
  }

  #tell(listener: ListenerContext, status: PodwireStatus): void {
    timers.nextTick(() => listener.status(status));
  }

  #pump(): void {
    if (this.phase !== 'running') return;
    this.attempts.pump();
    this.#account();
  }

  /** Keeps the channel's sum of buffered bytes; a call over a limit is bound to the attempt it has. */
  #account(): void {
    const bytes = this.retryBuffer.bytes;
    if (bytes === this.#bufferedBytes) return;
    this.host.retryBytes += bytes - this.#bufferedBytes;
    this.#bufferedBytes = bytes;
    const over = bytes > this.host.retryBytesPerCall || this.host.retryBytes > this.host.retryBytesPerChannel;
    if (over && this.attempts.bind()) this.#account();
  }

  #arm(nowMs: number): void {
    this.host.wheel.remove(this);
    if (this.dueMs !== Number.POSITIVE_INFINITY) this.host.wheel.add(this, nowMs);
  }

  #takeHash(metadata = new Metadata()): boolean {
    try {
      this.hash = this.host.hash(this.method.path, metadata);
      return true;
    } catch (error) {
      this.fail(Status.INTERNAL, 'INVALID_CALL', (error as Error).message);
      return false;
    }
  }

  /** Each time it looks for a Pod: those that it names may have come meanwhile. */
  #exclude(ids: readonly string[]): void {
    this.excluded ??= new Set();
    for (const pod of this.host.podsById(ids)) this.excluded.add(pod);
  }

  /** Adds metadata to what is sent. */
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
    if (!this.host.secure) {
      const text = 'call credentials are not sent over a plaintext connection: configure tls, or remove them';
      return this.fail(Status.UNAUTHENTICATED, 'INSECURE_CREDENTIALS', text);
    }
    this.phase = 'authenticating';
    this.host.suspended.add(this);
    authenticate(credentials, this.authority ?? this.host.authority, this.method.path).then(
      (added) => {
        if (this.phase === 'authenticating' && this.#flatten(added)) this.again();
      },
      (error: unknown) => {
        const { code, text } = credentialsFailure(error);
        this.fail(code, 'CREDENTIALS', text);
      },
    );
  }
}
