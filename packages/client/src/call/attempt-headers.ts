import { header, type RawHeaders } from '@podwire/http2';
import { formatGrpcTimeout } from '../headers/grpc-timeout.ts';
import type { RequestHeaders } from '../headers/request-headers.ts';
import type { CallRuntime } from './call-runtime.ts';

const ATTEMPTS = 'grpc-previous-rpc-attempts';

/** The parts of a call that an attempt's headers are made of. */
interface SentCall {
  readonly runtime: CallRuntime;
  readonly request: RequestHeaders;
  readonly deadlineMs: number;
}

/** The headers of one attempt at a call: those that differ from attempt to attempt, and the call's own metadata. */
export function attemptHeaders({ runtime, request, deadlineMs }: SentCall, attempt: number): RawHeaders {
  const { headers } = request;
  const encoding = runtime.compression;
  if (deadlineMs === Number.POSITIVE_INFINITY && attempt === 0 && encoding === 'identity') return headers;
  const own: string[] = [];
  if (deadlineMs !== Number.POSITIVE_INFINITY) {
    own.push('grpc-timeout', formatGrpcTimeout(deadlineMs - runtime.clock.nowMs()));
  }
  if (encoding !== 'identity') own.push('grpc-encoding', encoding);
  if (attempt === 0) return headers.length === 0 ? own : own.concat(headers);
  own.push(ATTEMPTS, String(attempt));
  return own.concat(header(headers, ATTEMPTS) === undefined ? headers : without(headers, ATTEMPTS));
}

function without(headers: RawHeaders, name: string): RawHeaders {
  return headers.filter((_, i) => headers[i - (i % 2)] !== name);
}
