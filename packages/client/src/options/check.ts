import { checkKeys, InvalidInput, string } from '@podwire/core';

/** Reads `options[key]` in milliseconds; `Infinity` is allowed. No other key is. */
export function milliseconds(options: object, key: string): number | undefined {
  const value = checkKeys(options, [key], 'options')[key];
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value;
  throw new InvalidInput(`options.${key}`, value, 'must be milliseconds, 0 or more');
}

/** What HTTP/2 lets a header's value be without escaping; a line break would begin another header. */
export const HEADER_TEXT = /^[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?$/;
/** RFC 3986's characters of an authority, without user information. */
export const AUTHORITY = /^[A-Za-z0-9._~%!$&'()*+,;=:[\]-]{1,1024}$/;
/** gRPC's rule for metadata keys. */
export const HEADER_NAME = /^[0-9A-Za-z_.-]{1,256}$/;

/** Text that is sent as it is in a header of every call. */
export function headerText(value: unknown, path: string): string | undefined {
  return matching(value, path, HEADER_TEXT, 'must be 1 to 1024 printable ASCII characters');
}

/** A name as it is sent in `:authority`. */
export function authorityText(value: unknown, path: string): string | undefined {
  return matching(value, path, AUTHORITY, 'must be a host, with or without a port');
}

/** Printable ASCII, as URIs have it; longer ones are over the header lists of servers. */
const METHOD_PATH = /^\/[\x21-\x7e]{1,4095}$/;

/** For a method as it is sent in `:path`. */
export function checkMethodPath(value: unknown, path: string): void {
  if (typeof value === 'string' && METHOD_PATH.test(value)) return;
  throw new InvalidInput(path, value, 'must be /package.Service/Method');
}

export function headerName(value: unknown, path: string): string | undefined {
  const rule = "must be a header's name: letters, digits, '_', '-' and '.'";
  return matching(value, path, HEADER_NAME, rule);
}

function matching(value: unknown, path: string, pattern: RegExp, rule: string): string | undefined {
  const text = string(value, path);
  if (text === undefined || pattern.test(text)) return text;
  throw new InvalidInput(path, text, rule);
}
