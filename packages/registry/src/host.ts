import { isIP } from './node-net.ts';

const NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
/** Other spellings that getaddrinfo reads as an IPv4 address: octal numbers with leading zeros, hex, or fewer than four numbers. */
const ODD_IPV4 = /^(0x[\da-f]*|\d+)(\.(0x[\da-f]*|\d+)){0,3}\.?$/i;
/** The interface of a link-local address, as in `fe80::1%eth0` (RFC 4007). */
const SCOPE = /^[A-Za-z0-9_.-]{1,32}$/;

/**
 * The one spelling of a host: a name in lower case, with the dot at its end if it has one; IPv4 in four decimal numbers; IPv6
 * without brackets as RFC 5952 has it, and as IPv4 where it is mapped from IPv4. Only a link-local address keeps its scope (`%eth0`):
 * on other addresses a scope means nothing, but Java writes one on all. Undefined for text that is not a host.
 */
export function canonicalHost(text: string): string | undefined {
  // No host is longer, brackets and a scope included.
  if (text.length > 300) return undefined;
  if (text.includes(':')) return canonicalIpv6(/^\[(.*)\]$/.exec(text)?.[1] ?? text);
  if (isIP(text) === 4) return text;
  return NAME.test(text) && !ODD_IPV4.test(text) && !/^[\d.]+$/.test(text) ? text.toLowerCase() : undefined;
}

function canonicalIpv6(text: string): string | undefined {
  const at = text.indexOf('%');
  const bare = at < 0 ? text : text.slice(0, at);
  // In a URL the scope's % is written as %25 (RFC 6874).
  const scope = at < 0 ? undefined : text.slice(at + 1).replace(/^25(?=[A-Za-z])/, '');
  if (isIP(bare) !== 6 || (scope !== undefined && !SCOPE.test(scope))) return undefined;
  const address = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(address);
  if (mapped !== null) return dotted(Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16));
  return scope !== undefined && /^fe[89ab]/.test(address) ? `${address}%${scope}` : address;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
