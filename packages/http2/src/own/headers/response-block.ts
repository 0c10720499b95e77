import type { RawHeaders, StreamEnd } from '../../transport.ts';
import type { HeaderList } from '../hpack/decoder.ts';

/** A header block of a response as calls see it. All calls that received the same bytes share it, so it is never changed. */
export interface ResponseBlock {
  /** `:status`, or NO_STATUS in trailers. */
  readonly status: number;
  /** Without pseudo-headers. */
  readonly headers: RawHeaders;
  /** `grpc-encoding` */
  readonly encoding: string;
  /** -1 when there is none. */
  readonly contentLength: number;
  /** Why calls must not use the block (RFC 9113 §8.1.1). */
  readonly malformed: string | undefined;
  /**
   * The size of a list over our limit, as RFC 9113 §6.5.2 counts. `headers` then has the fields of the call's status, and others that
   * fit.
   */
  readonly tooLargeBytes: number | undefined;
  /** The end of a stream with `:status` 200 and this block as its trailers. */
  readonly end: Extract<StreamEnd, { readonly kind: 'trailers' }>;
}

/** Connection-specific headers, which HTTP/2 forbids (RFC 9113 §8.2.2). */
const OF_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
/** Lower-case tokens (RFC 9113 §8.2.1, RFC 9110 §5.6.2). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9113 allows no space at either end as well, but gRPC does in `grpc-message`, and grpc-go and grpc-java send it. */
const BAD_VALUE = /[\0\r\n]/;
/** RFC 9110 §15: three digits; one outside of 100 to 599 is an answer all the same. */
const STATUS = /^[0-9]{3}$/;
export const NO_STATUS = -1;

/** Checks a decoded list, and takes out the fields that the transport itself needs. */
export function toResponseBlock({ fields, bytes, tooLarge }: HeaderList): ResponseBlock {
  let status = NO_STATUS;
  let encoding = 'identity';
  let contentLength = -1;
  let malformed: string | undefined;
  const headers: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (name === ':status') {
      if (status !== NO_STATUS || headers.length > 0 || !STATUS.test(value)) malformed ??= 'a wrong :status';
      status = Number(value);
      continue;
    }
    if (!NAME.test(name)) malformed ??= `the header name ${JSON.stringify(name)}`;
    else if (BAD_VALUE.test(value)) malformed ??= `the value of ${name}`;
    else if (OF_CONNECTION.has(name) || (name === 'te' && value !== 'trailers'))
      malformed ??= `the header ${name}`;
    if (name === 'grpc-encoding') encoding = value;
    if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value)) malformed ??= 'a wrong content-length';
      contentLength = Number(value);
    }
    headers.push(name, value);
  }
  return {
    status,
    headers,
    encoding,
    contentLength,
    malformed,
    tooLargeBytes: tooLarge ? bytes : undefined,
    end: { kind: 'trailers', headers, httpStatus: 200, trailersOnly: false },
  };
}
