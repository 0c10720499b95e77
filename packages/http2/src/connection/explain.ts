/** What OpenSSL finds in an answer in plaintext. */
const NOT_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/** An error of a socket, of TLS or of HTTP/2 in words. */
export function explain(error: Error): string {
  const { code, reason } = error as NodeJS.ErrnoException & { readonly reason?: unknown };
  if (code !== undefined && NOT_TLS.has(code)) return `${code}: the port does not speak TLS`;
  // OpenSSL's own message has addresses and lines of its source.
  if (code?.startsWith('ERR_SSL_') && typeof reason === 'string') return `${code}: ${reason}`;
  const inner = (error as { errors?: Error[] }).errors?.map(({ message }) => message).join('; ');
  const text = error.message || inner || String(code);
  return code === undefined || text.includes(code) ? text : `${code}: ${text}`;
}
