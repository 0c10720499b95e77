import type { PeerCertificate } from 'node:tls';

/** Codes of OpenSSL for an answer in plaintext. */
const NOT_TLS = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
]);

const UNKNOWN_AUTHORITY = "no authority of the option tls.ca, or of Node's own, signed it";
const OTHER_CLIENT = "the Pod does not take this client's certificate: look at tls.cert";

/** The usual causes of Node's and OpenSSL's errors, by code (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const CAUSES: ReadonlyMap<string, string> = new Map([
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNKNOWN_AUTHORITY],
  ['CERT_HAS_EXPIRED', "look at the Pod's certificate, and at this machine's clock"],
  ['CERT_NOT_YET_VALID', "look at the Pod's certificate, and at this machine's clock"],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'the Pod asks for a client certificate: set tls.cert and tls.key',
  ],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', OTHER_CLIENT],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', OTHER_CLIENT],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', OTHER_CLIENT],
  ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'the Pod does not offer HTTP/2 over TLS (ALPN h2)'],
]);
/** How many characters an error shows of a certificate's names; a certificate may have thousands of names. */
const MAX_NAMES = 300;

/** An error of a socket, of TLS or of HTTP/2 in words. */
export function explain(error: Error): string {
  const { code, reason } = error as NodeJS.ErrnoException & { readonly reason?: unknown };
  if (code !== undefined && NOT_TLS.has(code))
    return `${code}: the port does not speak TLS; the option tls must go, or the port is another`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return otherName(error as OtherName);
  // OpenSSL's own message contains memory addresses and source lines.
  const openssl = code?.startsWith('ERR_SSL_') && typeof reason === 'string';
  const inner = (error as { errors?: Error[] }).errors?.map(({ message }) => message).join('; ');
  const message = openssl ? reason : error.message || inner || String(code);
  const text = code === undefined || message.includes(code) ? message : `${code}: ${message}`;
  const cause = causeOf(code, message);
  return cause === undefined ? text : `${text}: ${cause}`;
}

function causeOf(code: string | undefined, message: string): string | undefined {
  if (code === 'ECONNRESET' && message.includes('before secure TLS connection'))
    return 'the port may not speak TLS';
  return code === undefined ? undefined : CAUSES.get(code);
}

/** An error of node:tls with the expected name and the certificate. */
type OtherName = Error & { readonly host?: string; readonly cert?: Partial<PeerCertificate> };

function otherName({ message, host, cert }: OtherName): string {
  if (host === undefined || cert === undefined) return `ERR_TLS_CERT_ALTNAME_INVALID: ${message}`;
  const names = cert.subjectaltname ?? (cert.subject?.CN === undefined ? 'no name' : `CN:${cert.subject.CN}`);
  const shown = names.length > MAX_NAMES ? `${names.slice(0, MAX_NAMES)}…` : names;
  return (
    `ERR_TLS_CERT_ALTNAME_INVALID: the certificate is for ${shown}, and ${host} was expected: ` +
    'set tls.serverName, or authority, to a name that it has'
  );
}

/** Codes of node:tls for faults of certificates, besides the codes of OpenSSL's errors. */
const OF_TLS =
  /^(?:ERR_SSL_|ERR_TLS_|UNABLE_TO_|CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH$|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_EXCEEDED$)/;

/** Whether an error's code is one of TLS, rather than of the socket below it. */
export function isOfTls(code: string): boolean {
  return OF_TLS.test(code);
}

export const NOT_HTTP2 = 'the port does not speak HTTP/2';
