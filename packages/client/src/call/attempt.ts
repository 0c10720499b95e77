import {
  ErrorCode,
  header,
  type RawHeaders,
  type Stream,
  type StreamEnd,
  type StreamHandler,
} from '@podwire/http2';
import type { ClientPod } from '../pod/pod.ts';
import { isGrpc } from './status.ts';

/**
 * Codes that say more of the Pod than of the call: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE
 * and DATA_LOSS, what Envoy's outlier detection counts as a 5xx.
 */
const POD_FAILURES: ReadonlySet<string> = new Set(['2', '4', '8', '13', '14', '15']);

function isFailure(end: StreamEnd): boolean {
  if (end.kind !== 'trailers') return end.kind !== 'too-large' && end.kind !== 'headers-too-large';
  const code = header(end.headers, 'grpc-status');
  return code === undefined || POD_FAILURES.has(code);
}

/** What an attempt tells its call. */
export interface AttemptOwner {
  onAttemptHeaders(attempt: Attempt, headers: RawHeaders): void;
  onAttemptMessage(attempt: Attempt, message: Buffer): void;
  onAttemptEnd(attempt: Attempt, end: StreamEnd): void;
  nowMs(): number;
}

/** One try of a call on one Pod. */
export class Attempt implements StreamHandler {
  readonly owner: AttemptOwner;
  readonly pod: ClientPod;
  readonly startedMs: number;
  stream: Stream | undefined;
  /** The attempt before it of those of its call that are open. */
  older: Attempt | undefined;
  /** Whether messages are being written to it now. */
  isPumped = false;
  /** Messages of the call already written to this stream. */
  written = 0;
  /** Whether the Pod answered with a gRPC reply: from then on the call belongs to this attempt. */
  replied = false;
  ended = false;

  constructor(owner: AttemptOwner, pod: ClientPod) {
    this.owner = owner;
    this.pod = pod;
    this.startedMs = owner.nowMs();
    pod.load.start();
  }

  onHeaders(headers: RawHeaders, httpStatus: number): void {
    if (this.ended) return;
    this.pod.sawReply = true;
    // Anything but 200 is an answer from a proxy; its trailers or end make the status.
    if (httpStatus !== 200) return;
    const type = header(headers, 'content-type');
    if (type !== undefined && !isGrpc(type)) return this.#refuse(type);
    this.replied = true;
    this.owner.onAttemptHeaders(this, headers);
  }

  onMessage(message: Buffer): void {
    if (!this.ended) this.owner.onAttemptMessage(this, message);
  }

  onEnd(end: StreamEnd): void {
    if (this.ended) return;
    if (end.kind === 'trailers') this.pod.sawReply = true;
    this.#finish(isFailure(end) ? 'failed' : 'ok');
    this.owner.onAttemptEnd(this, end);
  }

  /** Gives the stream up: the call ended otherwise. No callback follows. */
  abandon(errorCode: number, outcome: 'failed' | 'cancelled'): void {
    if (this.ended) return;
    this.#finish(outcome);
    this.stream?.cancel(errorCode);
  }

  /** The connection had no room after all: as if it had never been. */
  discard(): void {
    this.#finish('cancelled');
  }

  /** A page of a proxy, or of another server: its body is of no use, and no status behind it is the service's. */
  #refuse(contentType: string): void {
    const headers = ['content-type', contentType];
    this.onEnd({ kind: 'trailers', headers, httpStatus: 200, trailersOnly: false });
    this.stream?.cancel(ErrorCode.CANCEL);
  }

  #finish(outcome: 'ok' | 'failed' | 'cancelled'): void {
    this.ended = true;
    const nowMs = this.owner.nowMs();
    this.pod.load.end(nowMs, nowMs - this.startedMs, outcome);
  }
}
