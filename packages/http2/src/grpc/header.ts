import type { RawHeaders } from '../transport.ts';

/** The first value of a header, or undefined. */
export function header(headers: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}
