import { header, type RawHeaders } from '@podwire/http2';
import { formatGrpcTimeout } from '../headers/grpc-timeout.ts';
import type { Call } from './call.ts';

const ATTEMPTS = 'grpc-previous-rpc-attempts';

/** The headers of one attempt at a call: what differs from attempt to attempt, and the call's own metadata. */
export function attemptHeaders(call: Call, attempt: number): RawHeaders {
  const { headers } = call.request;
  const encoding = call.host.compression;
  const { deadlineMs } = call;
  if (deadlineMs === Number.POSITIVE_INFINITY && attempt === 0 && encoding === 'identity') return headers;
  const own: string[] = [];
  if (deadlineMs !== Number.POSITIVE_INFINITY) {
    own.push('grpc-timeout', formatGrpcTimeout(deadlineMs - call.nowMs()));
  }
  if (encoding !== 'identity') own.push('grpc-encoding', encoding);
  if (attempt === 0) return headers.length === 0 ? own : own.concat(headers);
  own.push(ATTEMPTS, String(attempt));
  return own.concat(header(headers, ATTEMPTS) === undefined ? headers : without(headers, ATTEMPTS));
}

function without(headers: RawHeaders, name: string): RawHeaders {
  return headers.filter((_, i) => headers[i - (i % 2)] !== name);
}
