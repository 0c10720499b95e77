import { Evidence, type MethodNorm, type Origin } from '@podwire/balancer';
import {
  ErrorCode,
  header,
  type RawHeaders,
  type Stream,
  type StreamEnd,
  type StreamHandler,
} from '@podwire/http2';
import type { AttemptTrace } from '../observe/observer.ts';
import type { ClientPod, WatchedAttempt } from '../pod/pod.ts';
import { readPushback } from '../retry/pushback.ts';
import { evidenceOf, lateEvidence } from './evidence.ts';
import { ABANDONED, type EndStatus, fromEnd, isGrpc, OPEN } from './status.ts';

/**
 * Codes that say more of the Pod than of the call: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE and
 * DATA_LOSS. Linkerd counts the same codes as failures of an endpoint
 * (https://linkerd.io/2/reference/circuit-breaking/). Envoy's outlier detection counts UNIMPLEMENTED as a failure, but not
 * RESOURCE_EXHAUSTED.
 */
const POD_FAILURES: ReadonlySet<number> = new Set([2, 4, 8, 13, 14, 15]);

/** The content type of nearly every server; others add a format or parameters. */
const USUAL_TYPE = 'application/grpc';

function isFailure(end: StreamEnd, { code, reason }: EndStatus): boolean {
  if (end.kind !== 'trailers') return end.kind !== 'too-large' && end.kind !== 'headers-too-large';
  return reason === 'NOT_GRPC' || POD_FAILURES.has(code);
}

/** The owner of an attempt, which is told of its reply. */
export interface AttemptOwner {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The hash of the call's key. */
  readonly hash: number;
  /** The attempt no longer counts for limits: it ended, or delivered its first message. */
  onLetGo(): void;
  onHeaders(attempt: Attempt, headers: RawHeaders): void;
  onMessage(attempt: Attempt, message: Buffer): void;
  onEnd(attempt: Attempt, end: StreamEnd): void;
}

/** How much later an attempt must have begun that wins over another one, to say something of that one's Pod. */
const LATER_MS = 1;

/** One try of a call on one Pod. */
export class Attempt implements StreamHandler, WatchedAttempt {
  readonly owner: AttemptOwner;
  readonly pod: ClientPod;
  readonly ordinal: number;
  readonly isHedge: boolean;
  readonly startedMs: number;
  readonly stalledMs: number;
  /** Only set when monitors or observers look at attempts. */
  endedMs = 0;
  evidence: Evidence = Evidence.NONE;
  olderOpen: WatchedAttempt | undefined;
  newerOpen: WatchedAttempt | undefined;
  isListed = false;
  readonly norm: MethodNorm;
  /** Whether it counts for limits now. */
  isHeld = false;
  stream: Stream | undefined;
  /** The next older open attempt of the call. */
  older: Attempt | undefined;
  /** Whether messages are being written to it now. */
  isPumped = false;
  /** Messages of the call already written to this stream. */
  written = 0;
  /** Messages of the reply that were delivered. */
  #messages = 0;
  /** Whether the Pod answered with a gRPC reply, to which the call is then committed. */
  replied = false;
  ended = false;
  /** The status that its end means; read once. */
  status: EndStatus = OPEN;
  trace: AttemptTrace | undefined;

  constructor(
    owner: AttemptOwner,
    pod: ClientPod,
    norm: MethodNorm,
    ordinal: number,
    isHedge: boolean,
    nowMs: number,
  ) {
    this.owner = owner;
    this.pod = pod;
    this.norm = norm;
    this.ordinal = ordinal;
    this.isHedge = isHedge;
    this.startedMs = nowMs;
    this.stalledMs = pod.owner.stalls.at(nowMs);
    pod.load.start();
  }

  /** It counts for limits from now on, until it ends or delivers its first message. */
  hold(): void {
    this.isHeld = true;
    this.pod.hold();
  }

  get method(): string {
    return this.owner.path;
  }

  get hash(): number {
    return this.owner.hash;
  }

  get code(): number {
    return this.status.code;
  }

  get origin(): Origin {
    return this.status.origin;
  }

  get trailers(): RawHeaders {
    return this.status.trailers;
  }

  get sentBytes(): number {
    return this.stream?.sentBytes ?? 0;
  }

  get receivedBytes(): number {
    return this.stream?.receivedBytes ?? 0;
  }

  onHeaders(headers: RawHeaders, httpStatus: number): void {
    if (this.ended) return;
    this.pod.connections.sawReply = true;
    // Any other status than 200 is a proxy's answer, whose trailers or end become the call's status.
    if (httpStatus !== 200) return;
    const type = header(headers, 'content-type');
    if (type !== USUAL_TYPE && type !== undefined && !isGrpc(type)) return this.#refuse(type);
    this.replied = true;
    this.owner.onHeaders(this, headers);
  }

  onMessage(message: Buffer): void {
    if (this.ended) return;
    this.#messages += 1;
    if (this.isHeld) this.#letGo();
    this.owner.onMessage(this, message);
  }

  onEnd(end: StreamEnd): void {
    if (this.ended) return;
    if (end.kind === 'trailers') this.pod.connections.sawReply = true;
    this.status = fromEnd(end);
    const { code, trailers } = this.status;
    if (code !== 0 && trailers.length > 0) this.#heedPushback(trailers);
    this.#finish(isFailure(end, this.status) ? 'failed' : 'ok', end);
    this.owner.onEnd(this, end);
  }

  /**
   * Gives the stream up, because the call ended in another way. No callback follows. `winner`: another attempt at the call, which was
   * answered first.
   */
  abandon(errorCode: number, outcome: 'failed' | 'cancelled', winner?: Attempt): void {
    if (this.ended) return;
    this.status = ABANDONED[outcome];
    this.#finish(outcome, undefined, winner);
    this.stream?.cancel(errorCode);
  }

  /** The connection had no room after all: undoes the attempt. */
  discard(): void {
    this.ended = true;
    this.pod.load.undo();
    if (this.isHeld) this.#letGo();
  }

  /** The answer is a page of a proxy or another server. Its body is dropped, and a status behind it is not the service's. */
  #refuse(contentType: string): void {
    const headers = ['content-type', contentType];
    this.onEnd({ kind: 'trailers', headers, httpStatus: 200, trailersOnly: false });
    this.stream?.cancel(ErrorCode.CANCEL);
  }

  #finish(outcome: 'ok' | 'failed' | 'cancelled', end?: StreamEnd, winner?: Attempt): void {
    this.ended = true;
    const { load, owner } = this.pod;
    const { env, monitors, stalls } = owner;
    const nowMs = env.clock.nowMs();
    const stalledMs = stalls.at(nowMs) - this.stalledMs;
    // What passed while this process did not run is not the Pod's.
    const latencyMs = Math.max(nowMs - this.startedMs - stalledMs, 0);
    load.end(nowMs, latencyMs, outcome);
    if (this.isHeld) this.#letGo();
    if (end !== undefined && this.status.code === 0 && stalledMs === 0)
      this.norm.add(latencyMs, this.#messages);
    if ((monitors !== undefined || this.trace !== undefined) && this.stream !== undefined) {
      this.endedMs = nowMs;
      if (monitors !== undefined) this.evidence = this.#judge(outcome, end, winner, latencyMs, stalledMs);
      monitors?.onAttemptEnd(this);
      this.trace?.onEnd?.(this.code, nowMs, this);
    }
    // Where other clusters keep the connection open, its end does not say so.
    if (load.inFlight === 0 && this.pod.state === 'draining') this.pod.closeIfDrained();
  }

  #letGo(): void {
    this.isHeld = false;
    this.pod.letGo();
    this.owner.onLetGo();
  }

  /** A Pod that asks for a pause gets no new calls meanwhile, from any caller. */
  #heedPushback(trailers: RawHeaders): void {
    const pushback = readPushback(trailers);
    if (typeof pushback === 'number' && pushback > 0) this.pod.pause(pushback);
  }

  /** What the end says about the Pod. */
  #judge(
    outcome: 'ok' | 'failed' | 'cancelled',
    end: StreamEnd | undefined,
    winner: Attempt | undefined,
    elapsedMs: number,
    stalledMs: number,
  ): Evidence {
    if (end !== undefined && this.status.code === 0) return Evidence.SUCCESS;
    // A time-out that was counted while the attempt was open.
    const isCounted = this.evidence !== Evidence.NONE;
    const { pod } = this;
    const leaves = pod.state === 'draining' || pod.state === 'closed' || pod.endpoint.phase !== 'serving';
    if (isCounted || leaves) return Evidence.NONE;
    // An answer during a stall may have to do with it. Of time, only that is counted in which this process ran.
    if (end !== undefined) return stalledMs > 0 ? Evidence.NONE : this.#judgeEnd(end, elapsedMs);
    if (this.replied || this.#messages > 0) return Evidence.NONE;
    const lost = winner !== undefined && winner.startedMs - this.startedMs >= LATER_MS;
    if (lost) return Evidence.TIMEOUT;
    return outcome === 'failed' ? lateEvidence({ elapsedMs, norm: this.norm }) : Evidence.NONE;
  }

  #judgeEnd(end: StreamEnd, elapsedMs: number): Evidence {
    const { connections } = this.pod;
    if (end.kind === 'connection-lost') {
      if (connections.lossSeen === end.cause) return Evidence.NONE;
      connections.lossSeen = end.cause;
    }
    return evidenceOf(end, this.status, { elapsedMs, norm: this.norm });
  }
}
