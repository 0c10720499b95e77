import type { RawHeaders } from '../transport.ts';

/** Of one header block, at least. */
const MIN_BLOCK_BYTES = 1024 * 1024;
const LISTS_PER_BLOCK = 4;
/** What RFC 9113 §6.5.2 counts for each field besides its name and value. */
export const FIELD_BYTES = 32;

/**
 * Up to here a header block is read, whatever its call may take: a list over the limit ends one call, and only a block that no server
 * sends by mistake ends the connection, with everybody's calls on it.
 */
export function maxBlockBytes(maxListBytes: number): number {
  return Math.max(MIN_BLOCK_BYTES, LISTS_PER_BLOCK * maxListBytes);
}

/** As RFC 9113 §6.5.2 counts. */
export function listBytes(headers: RawHeaders): number {
  let bytes = (headers.length / 2) * FIELD_BYTES;
  for (const text of headers) bytes += text.length;
  return bytes;
}
