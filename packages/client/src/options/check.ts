import { checkKeys, InvalidInput, string } from '@podwire/core';

/** Reads `options[key]` in milliseconds; `Infinity` is allowed. No other key is. */
export function milliseconds(options: object, key: string): number | undefined {
  const value = checkKeys(options, [key], 'options')[key];
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value;
  throw new InvalidInput(`options.${key}`, value, 'must be milliseconds, 0 or more');
}

/** A form that text must have, and the rule that names it in errors. */
export interface TextForm {
  readonly pattern: RegExp;
  readonly rule: string;
}

/** A header's value without escaping; a line break would begin another header. */
export const HEADER_TEXT: TextForm = {
  pattern: /^[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?$/,
  rule: 'must be 1 to 1024 printable ASCII characters',
};
/** RFC 3986's characters of an authority, without user information. */
export const AUTHORITY: TextForm = {
  pattern: /^[A-Za-z0-9._~%!$&'()*+,;=:[\]-]{1,1024}$/,
  rule: 'must be a host, with or without a port',
};
/** gRPC's rule for metadata keys. */
export const HEADER_NAME: TextForm = {
  pattern: /^[0-9A-Za-z_.-]{1,256}$/,
  rule: "must be a header's name: letters, digits, '_', '-' and '.'",
};

/** Checks a name for `:authority`. */
export function authorityText(value: unknown, path: string): string | undefined {
  return matching(value, path, AUTHORITY);
}

/** Printable ASCII, as in URIs. Longer paths exceed the servers' limits of header lists. */
const METHOD_PATH = /^\/[\x21-\x7e]{1,4095}$/;

/** Checks a method's path for `:path`. */
export function checkMethodPath(value: unknown, path: string): void {
  if (typeof value === 'string' && METHOD_PATH.test(value)) return;
  throw new InvalidInput(path, value, 'must be /package.Service/Method');
}

/** Checks a text for its form; undefined when it is not given. Throws `InvalidInput`. */
export function matching(value: unknown, path: string, { pattern, rule }: TextForm): string | undefined {
  const text = string(value, path);
  if (text === undefined || pattern.test(text)) return text;
  throw new InvalidInput(path, text, rule);
}
