import { Evidence, type MethodNorm } from '@podwire/balancer';
import { ErrorCode, type StreamEnd } from '@podwire/http2';
import { readPushback } from '../retry/pushback.ts';
import type { EndStatus } from './status.ts';

/** Without a norm, a call that ran into its deadline shows something only when the Pod had it for this long. */
const UNKNOWN_LATE_MS = 1_000;

/** By gRPC's status code, sent by the server; codes that gRPC does not name say nothing. */
const BY_CODE: readonly Evidence[] = [
  Evidence.SUCCESS, // OK
  Evidence.NONE, // CANCELLED
  Evidence.FAILURE, // UNKNOWN
  Evidence.SUCCESS, // INVALID_ARGUMENT
  Evidence.TIMEOUT, // DEADLINE_EXCEEDED
  Evidence.SUCCESS, // NOT_FOUND
  Evidence.SUCCESS, // ALREADY_EXISTS
  Evidence.SUCCESS, // PERMISSION_DENIED
  Evidence.BUSY, // RESOURCE_EXHAUSTED
  Evidence.SUCCESS, // FAILED_PRECONDITION
  Evidence.SUCCESS, // ABORTED
  Evidence.SUCCESS, // OUT_OF_RANGE
  Evidence.SUCCESS, // UNIMPLEMENTED
  Evidence.FAILURE, // INTERNAL
  Evidence.FAILURE, // UNAVAILABLE
  Evidence.FAILURE, // DATA_LOSS
  Evidence.SUCCESS, // UNAUTHENTICATED
];

/** How long the Pod had the call, and how long calls of its method take. */
export interface Duration {
  readonly elapsedMs: number;
  readonly norm: MethodNorm;
}

/** What a stream's end says about its Pod. `status` is what the end means for the call. */
export function evidenceOf(end: StreamEnd, { code, trailers }: EndStatus, duration: Duration): Evidence {
  switch (end.kind) {
    case 'trailers': {
      const evidence = BY_CODE[code] ?? Evidence.NONE;
      if (evidence === Evidence.TIMEOUT) return lateEvidence(duration);
      if (evidence === Evidence.FAILURE && readPushback(trailers) !== undefined) return Evidence.BUSY;
      return evidence;
    }
    case 'reset':
      if (end.errorCode === ErrorCode.ENHANCE_YOUR_CALM) return Evidence.BUSY;
      return end.errorCode === ErrorCode.CANCEL ? Evidence.NONE : Evidence.FAILURE;
    case 'unprocessed':
      if (end.cause.kind === 'stream-refused' || isCalmed(end.cause)) return Evidence.BUSY;
      return Evidence.NONE;
    case 'connection-lost':
      if (isCalmed(end.cause)) return Evidence.BUSY;
      return end.cause.kind === 'local' ? Evidence.NONE : Evidence.FAILURE;
    case 'protocol-error':
      return Evidence.FAILURE;
    default:
      return Evidence.NONE;
  }
}

/** What it says that a call ran into its deadline, or lost to a later attempt at the same call. */
export function lateEvidence({ elapsedMs, norm }: Duration): Evidence {
  const usualMs = norm.isKnown ? norm.p99Ms : UNKNOWN_LATE_MS;
  return elapsedMs >= usualMs ? Evidence.TIMEOUT : Evidence.NONE;
}

function isCalmed(cause: { readonly kind: string; readonly errorCode?: number | undefined }): boolean {
  return cause.kind === 'goaway' && cause.errorCode === ErrorCode.ENHANCE_YOUR_CALM;
}
