/**
 * A host as certificates and SNI have it: an IPv6 address without brackets and interface, and a name without the dot at
 * its end (RFC 6066 §3; servers in Go refuse a handshake with it).
 */
export function tlsServerName(host: string): string {
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  return bare.replace(/%.*$/, '').replace(/\.$/, '');
}
