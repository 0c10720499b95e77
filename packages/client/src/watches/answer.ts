import { header, type StreamEnd } from '@podwire/http2';

/** gRPC's code for a method that the server does not have. */
export const UNIMPLEMENTED = 12;
const UNKNOWN = 2;
const UNAVAILABLE = 14;

/** gRPC's code for the end of a watch, as far as it matters: whether the server has the method. */
export function codeOf(end: StreamEnd): number {
  if (end.kind !== 'trailers') return UNAVAILABLE;
  const status = header(end.headers, 'grpc-status');
  if (status !== undefined) return /^\d+$/.test(status) ? Number(status) : UNKNOWN;
  // https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
  return end.httpStatus === 404 ? UNIMPLEMENTED : UNKNOWN;
}
