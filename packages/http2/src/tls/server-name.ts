/**
 * A host as certificates and SNI have it: without brackets or an interface around an IPv6 address, and without the dot at
 * the end of a name (RFC 6066 §3; servers in Go refuse a handshake with it).
 */
export function tlsServerName(host: string): string {
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  return bare.replace(/%.*$/, '').replace(/\.$/, '');
}
