import { InvalidInput } from './endpoint.ts';
import { unknownWord } from './nearest.ts';

/** A target string in its parts: `scheme://authority/path?query#fragment`. */
export interface Target {
  readonly scheme: string;
  readonly authority: string;
  /** Percent-decoded, without the slash before it. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Percent-decoded, without `#`. */
  readonly fragment: string;
  /** As it was given. */
  readonly text: string;
}

/** `scheme:path` is allowed for these, as gRPC's own target strings have it; elsewhere a colon begins a port. */
const SHORT_SCHEMES = ['dns', 'static', 'file'];
const FULL = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(\?[^#]*)?(?:#(.*))?$/i;
const SHORT = /^([a-z][a-z0-9+.-]*):([^?#]*)(\?[^#]*)?(?:#(.*))?$/i;

/**
 * Splits a target. A bare `host:port` is `dns:///host:port`, as in every gRPC client
 * (https://github.com/grpc/grpc/blob/master/doc/naming.md). Throws {@link InvalidInput} for an unknown scheme.
 */
export function parseTarget(text: string, schemes: readonly string[]): Target {
  if (typeof text !== 'string' || text === '') throw new InvalidInput('target', text, 'must be a string');
  const full = FULL.exec(text);
  if (full !== null) {
    const scheme = full[1]!.toLowerCase();
    if (!schemes.includes(scheme))
      throw new InvalidInput('target', text, `scheme ${unknownWord(scheme, schemes)}`);
    return target(text, scheme, full[2]!, full[3] ?? '', full[4], full[5]);
  }
  const short = SHORT.exec(text);
  const scheme = short?.[1]?.toLowerCase() ?? '';
  if (short !== null && SHORT_SCHEMES.includes(scheme)) {
    return target(text, scheme, '', short[2]!, short[3], short[4]);
  }
  return target(text, 'dns', '', text, undefined, undefined);
}

function target(
  text: string,
  scheme: string,
  authority: string,
  path: string,
  query: string | undefined,
  fragment: string | undefined,
): Target {
  try {
    return {
      scheme,
      authority,
      path: decodeURIComponent(path),
      query: new URLSearchParams(query),
      fragment: decodeURIComponent(fragment ?? ''),
      text,
    };
  } catch {
    throw new InvalidInput('target', text, 'holds a % that begins no percent-encoded character');
  }
}
