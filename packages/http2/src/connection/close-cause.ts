import { ErrorCode, errorName } from '../error-codes.ts';
import type { CloseCause, EndCause, TlsOptions } from '../transport.ts';
import { explain, isOfTls, NOT_HTTP2 } from './explain.ts';

/** How many bytes of the peer's message for people are passed on. */
const MAX_DEBUG_BYTES = 120;

/** The peer's GOAWAY. */
export function fromGoaway(
  errorCode: number,
  debugData: Uint8Array | undefined,
): Extract<CloseCause, { readonly kind: 'goaway' }> {
  const debug = Buffer.from(debugData ?? [])
    .toString('latin1', 0, MAX_DEBUG_BYTES)
    .replace(/[^\x20-\x7e]/g, '?');
  return { kind: 'goaway', errorCode, debug };
}

/** Whether the peer ends the connection because it was sent PINGs too often (gRFC A8, "server enforcement"). */
export function isTooManyPings(cause: CloseCause): boolean {
  return (
    cause.kind === 'goaway' &&
    cause.errorCode === ErrorCode.ENHANCE_YOUR_CALM &&
    cause.debug === 'too_many_pings'
  );
}

/** Errors of a connection that was open (gRFC A94 tells them from other errors of sockets). */
const RESET = new Set(['ECONNRESET', 'ECONNABORTED', 'EPIPE']);

/** An error of a socket or of TLS; `connected`: it came after the socket had been opened. */
export function fromSocket(error: Error, connected: boolean): CloseCause {
  const { code = 'unknown' } = error as NodeJS.ErrnoException;
  const detail = explain(error);
  if (isOfTls(code)) return { kind: 'tls', code, detail };
  if (RESET.has(code)) return { kind: 'reset', code, detail };
  return { kind: connected ? 'socket' : 'refused', code, detail };
}

/** What a session of node:http2 found: an error of its socket, or of the protocol. `began`: HTTP/2 was spoken before. */
export function fromSession(error: Error, connected: boolean, began: boolean): CloseCause {
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith('ERR_HTTP2_') !== true) return fromSocket(error, connected);
  const isOther = code === 'ERR_HTTP2_ERROR' && !began;
  return {
    kind: 'protocol',
    errorCode: undefined,
    detail: isOther ? `${explain(error)}: ${NOT_HTTP2}` : explain(error),
  };
}

/** The peer closed the connection without a word. */
export const CLOSED: CloseCause = { kind: 'eof', before: undefined };

/** The peer closed the connection before HTTP/2 began. */
export function closedEarly(tls: TlsOptions | undefined): CloseCause {
  if (tls === undefined) return { kind: 'eof', before: 'plaintext' };
  return { kind: 'eof', before: tls.cert === undefined ? 'tls' : 'mutual-tls' };
}

/** The Pod speaks TLS and does not accept HTTP/2. */
export const NO_ALPN: CloseCause = {
  kind: 'tls',
  code: 'NO_ALPN',
  detail: 'the Pod does not offer HTTP/2 over TLS (ALPN h2)',
};

const STEPS = { tcp: 'TCP', tls: 'TLS', settings: 'HTTP/2 SETTINGS' } as const;

const EARLY = {
  plaintext: '; if its port speaks TLS, set the option tls',
  tls: '',
  // With TLS 1.3 a server looks at the client's certificate when the client already considers the handshake done.
  'mutual-tls': "; perhaps it does not take this client's certificate",
} as const;

/** Why a connection takes no more calls, or a stream ended with it, for people: all such texts are made here. */
export function closeText(cause: EndCause): string {
  switch (cause.kind) {
    case 'goaway': {
      const { errorCode, debug } = cause;
      const name = errorCode === ErrorCode.NO_ERROR ? '' : ` with ${errorName(errorCode)}`;
      return `the Pod sent GOAWAY${name}${debug === '' ? '' : ` (${JSON.stringify(debug)})`}`;
    }
    case 'timeout': {
      const { step, afterMs } = cause;
      if (step === 'keepalive') return `no answer to a keepalive PING in ${afterMs} ms`;
      return `no connection in ${afterMs} ms: ${STEPS[step]} was not answered`;
    }
    case 'eof': {
      const { before } = cause;
      const text = 'the Pod closed the connection';
      return before === undefined ? text : `${text} before HTTP/2 began${EARLY[before]}`;
    }
    case 'protocol':
      return cause.errorCode === undefined ? cause.detail : `the Pod broke HTTP/2: ${cause.detail}`;
    case 'stream-refused':
      return 'the Pod refused the stream';
    default:
      return cause.detail;
  }
}
