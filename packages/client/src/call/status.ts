import { Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';
import type { Origin } from '@podwire/balancer';
import { show } from '@podwire/core';
import { closeText, ErrorCode, errorName, header, type RawHeaders, type StreamEnd } from '@podwire/http2';
import type { Reason } from '../reasons.ts';

/** HTTP status to gRPC code: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
const FROM_HTTP: Readonly<Record<number, Status>> = {
  400: Status.INTERNAL,
  401: Status.UNAUTHENTICATED,
  403: Status.PERMISSION_DENIED,
  404: Status.UNIMPLEMENTED,
  429: Status.UNAVAILABLE,
  502: Status.UNAVAILABLE,
  503: Status.UNAVAILABLE,
  504: Status.UNAVAILABLE,
};

/** RST_STREAM code to gRPC code: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors */
const FROM_RESET: Readonly<Record<number, Status>> = {
  [ErrorCode.REFUSED_STREAM]: Status.UNAVAILABLE,
  [ErrorCode.CANCEL]: Status.CANCELLED,
  [ErrorCode.ENHANCE_YOUR_CALM]: Status.RESOURCE_EXHAUSTED,
  [ErrorCode.INADEQUATE_SECURITY]: Status.PERMISSION_DENIED,
};

/** The status that a stream's end means for the call. */
export interface EndStatus {
  readonly code: Status;
  readonly details: string;
  /** Trailers to hand to the user; empty unless the server sent some. */
  readonly trailers: RawHeaders;
  /** Undefined when the server decided this status. */
  readonly reason: Reason | undefined;
  /** The party that decided the status. */
  readonly origin: Origin;
}

const NONE: RawHeaders = [];
/** The status of nearly every call: OK, without a message or trailers. */
export const OK: EndStatus = {
  code: Status.OK,
  details: '',
  trailers: NONE,
  reason: undefined,
  origin: 'server',
};
/** The status of an attempt that has not ended. */
export const OPEN: EndStatus = OK;
const CANCELLED: EndStatus = {
  code: Status.CANCELLED,
  details: 'cancelled',
  trailers: NONE,
  reason: 'CANCELLED',
  origin: 'client',
};
/** The status of an attempt that its call gave up, because the deadline passed or for any other cause. */
export const ABANDONED: Readonly<Record<'failed' | 'cancelled', EndStatus>> = {
  failed: { ...CANCELLED, code: Status.DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED' },
  cancelled: CANCELLED,
};

/** The status OK for a caller, with metadata of its own. */
export function okStatus(): StatusObject {
  return { code: Status.OK, details: '', metadata: new Metadata() };
}

/** Does not match `application/grpc-web`, which is another protocol. Types are compared without case (RFC 9110 §8.3.1). */
const GRPC = /^application\/grpc\s*(?:$|[+;])/i;

/** Whether a content type is gRPC's, with or without a format or parameters (gRPC over HTTP/2, "Content-Type"). */
export function isGrpc(contentType: string): boolean {
  return GRPC.test(contentType);
}

/** A status: digits, as many as always fit an int32 (gRPC over HTTP/2, "Status"). */
const CODE = /^\d{1,9}$/;

function fromTrailers(end: Extract<StreamEnd, { kind: 'trailers' }>): EndStatus {
  const text = header(end.headers, 'grpc-status');
  if (text === undefined) {
    if (end.httpStatus !== 200) return fromHttp(end.httpStatus, end.headers);
    const type = header(end.headers, 'content-type');
    // A reply that began as gRPC and lacks its status comes from the server, any other from a proxy.
    const origin = type === undefined || isGrpc(type) ? 'server' : 'proxy';
    const details =
      origin === 'server'
        ? 'the server closed the stream without a grpc-status'
        : `content-type ${show(type)} instead of a gRPC reply`;
    return { code: Status.UNKNOWN, details, trailers: end.headers, reason: 'NOT_GRPC', origin };
  }
  const message = header(end.headers, 'grpc-message');
  if (text === '0' && !message && end.headers.length === (message === undefined ? 2 : 4)) return OK;
  const details = message === undefined ? '' : decodeMessage(message);
  if (!CODE.test(text)) {
    const unknown = `${details === '' ? '' : `${details} `}(grpc-status ${JSON.stringify(text)})`;
    return {
      code: Status.UNKNOWN,
      details: unknown,
      trailers: end.headers,
      reason: undefined,
      origin: 'server',
    };
  }
  // Also a code that gRPC does not name, as in grpc-js.
  return { code: Number(text), details, trailers: end.headers, reason: undefined, origin: 'server' };
}

/** The status of a reply whose HTTP status was not 200. */
function fromHttp(httpStatus: number, headers: RawHeaders): EndStatus {
  const code = FROM_HTTP[httpStatus] ?? Status.UNKNOWN;
  return {
    code,
    details: `HTTP status ${httpStatus} instead of a gRPC reply`,
    trailers: headers,
    reason: 'NOT_GRPC',
    origin: 'proxy',
  };
}

/** The status of a call whose last attempt ended in this way. */
export function fromEnd(end: StreamEnd): EndStatus {
  switch (end.kind) {
    case 'trailers':
      return fromTrailers(end);
    case 'reset': {
      const code = FROM_RESET[end.errorCode] ?? Status.INTERNAL;
      const details = `the server reset the stream with ${errorName(end.errorCode)}`;
      return ended(code, details, 'RESET', 'server');
    }
    case 'unprocessed':
      return ended(Status.UNAVAILABLE, closeText(end.cause), 'REFUSED', 'connection');
    case 'connection-lost':
      return ended(Status.UNAVAILABLE, closeText(end.cause), 'CONNECTION_LOST', 'connection');
    case 'protocol-error':
      return ended(Status.INTERNAL, end.reason, 'PROTOCOL_ERROR', 'server');
    case 'too-large': {
      const details = `received message of ${end.bytes} bytes is larger than the limit of ${end.limit}`;
      return ended(Status.RESOURCE_EXHAUSTED, details, 'MESSAGE_TOO_LARGE', 'client');
    }
    case 'headers-too-large': {
      const details = `received headers of ${end.bytes} bytes are larger than maxHeaderBytes, ${end.limit}`;
      return ended(Status.RESOURCE_EXHAUSTED, details, 'HEADERS_TOO_LARGE', 'client');
    }
    case 'cancelled':
      return CANCELLED;
  }
}

function ended(code: Status, details: string, reason: Reason, origin: Origin): EndStatus {
  return { code, details, trailers: NONE, reason, origin };
}

const ENCODED = /(?:%[0-9a-f]{2})+/gi;

/** Percent-decodes a grpc-message. Text that is not encoded stays as it is (gRPC over HTTP/2, "Responses": never an error). */
function decodeMessage(message: string): string {
  if (!message.includes('%')) return message;
  return message.replace(ENCODED, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}
