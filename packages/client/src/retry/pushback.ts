import { header, type RawHeaders } from '@podwire/http2';

/** What a server says of retries: a delay, `stop`, or nothing. gRFC A6, "pushback". */
export type Pushback = number | 'stop' | undefined;

/** Reads `grpc-retry-pushback-ms`; a value that is negative or no number means: do not retry. */
export function readPushback(trailers: RawHeaders): Pushback {
  const text = header(trailers, 'grpc-retry-pushback-ms');
  if (text === undefined) return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : 'stop';
}
