/** RFC 6750: the characters of a bearer token. */
const TOKEN = /^[A-Za-z0-9._~+/=-]+$/;

/** The header value for a token. An error names the token's source, never the token. */
export function bearer(token: string, source: string): string {
  const trimmed = token.trim();
  if (trimmed === '') throw new Error(`${source} holds an empty token`);
  if (!TOKEN.test(trimmed)) throw new Error(`${source} holds a token with characters that no token has`);
  return `Bearer ${trimmed}`;
}
