import { InvalidInput, unknownWord } from '@podwire/core';

/** A target string in its parts: `scheme://authority/path?query#fragment`. */
export interface Target {
  /** Names the registry; in lower case. */
  readonly scheme: string;
  /** The part between `//` and the next `/`; often empty. */
  readonly authority: string;
  /** Percent-decoded, without the slash before it. */
  readonly path: string;
  /** The part behind `?`. */
  readonly query: URLSearchParams;
  /** Percent-decoded, without `#`. */
  readonly fragment: string;
  /** As it was given. */
  readonly text: string;
}

/** Schemes for which `scheme:path` is allowed, as in gRPC's own target strings; elsewhere a colon begins a port. */
const SHORT_SCHEMES = ['dns', 'static', 'file', 'ipv4', 'ipv6'];
/** Schemes after which no colon begins a port: for gRPC `unix:8080` is the name of a socket. */
const SOCKET_SCHEMES = ['unix', 'unix-abstract'];
/** gRPC's names for a list of addresses. */
const ALIASES = new Map([
  ['ipv4', 'static'],
  ['ipv6', 'static'],
]);
/** Registries in packages of their own, `@podwire/registry-<scheme>`. */
const SEPARATE = ['kubernetes', 'nacos'];
const FULL = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(\?[^#]*)?(?:#(.*))?$/is;
const SHORT = /^([a-z][a-z0-9+.-]*):([^?#]*)(\?[^#]*)?(?:#(.*))?$/is;

/**
 * Splits a target. A bare `host:port` is `dns:///host:port`, as in every gRPC client
 * (https://github.com/grpc/grpc/blob/master/doc/naming.md). Throws {@link InvalidInput} for an unknown scheme.
 */
export function parseTarget(text: string, schemes: readonly string[]): Target {
  if (typeof text !== 'string' || text === '') {
    throw new InvalidInput('target', text, "must be a string such as 'dns:///orders.prod.svc:50051'");
  }
  const full = FULL.exec(text);
  if (full !== null) {
    const scheme = checkScheme(full[1]!, schemes, text);
    return decode(text, scheme, full[2]!, full[3], full[4], full[5]);
  }
  const short = SHORT.exec(text);
  if (short !== null && isShort(short[1]!, short[2]!)) {
    const scheme = checkScheme(short[1]!, schemes, text);
    return decode(text, scheme, '', short[2], short[3], short[4]);
  }
  return decode(text, 'dns', '', text, undefined, undefined);
}

/** `file:8080` is a host and a port; `consul:/orders` names a scheme that may not be there. */
function isShort(scheme: string, path: string): boolean {
  if (SOCKET_SCHEMES.includes(scheme.toLowerCase())) return true;
  if (/^\d+$/.test(path)) return false;
  return SHORT_SCHEMES.includes(scheme.toLowerCase()) || path.startsWith('/');
}

function checkScheme(text: string, schemes: readonly string[], target: string): string {
  const scheme = ALIASES.get(text.toLowerCase()) ?? text.toLowerCase();
  if (schemes.includes(scheme)) return scheme;
  const rule = SEPARATE.includes(scheme)
    ? `needs its registry: pass the option registries: [${scheme}()] of the package @podwire/registry-${scheme}`
    : `scheme ${unknownWord(scheme, schemes)}`;
  throw new InvalidInput('target', target, rule);
}

function decode(
  text: string,
  scheme: string,
  authority: string,
  path: string | undefined,
  query: string | undefined,
  fragment: string | undefined,
): Target {
  try {
    return {
      scheme,
      authority,
      path: decodeURIComponent(path ?? ''),
      query: new URLSearchParams(query),
      fragment: decodeURIComponent(fragment ?? ''),
      text,
    };
  } catch {
    throw new InvalidInput('target', text, 'holds a % that begins no percent-encoded character');
  }
}
