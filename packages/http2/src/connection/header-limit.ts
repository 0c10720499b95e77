import type { RawHeaders } from '../transport.ts';

/** The least limit of one header block. */
const MIN_BLOCK_BYTES = 1024 * 1024;
const LISTS_PER_BLOCK = 4;
/** The bytes that RFC 9113 §6.5.2 counts for each field besides its name and value. */
export const FIELD_BYTES = 32;

/**
 * The largest header block that is read, whatever its call may take. A list over the call's limit ends only that call. A block over this
 * limit, which no server sends by mistake, ends the connection with all its calls.
 */
export function maxBlockBytes(maxListBytes: number): number {
  return Math.max(MIN_BLOCK_BYTES, LISTS_PER_BLOCK * maxListBytes);
}

/** The size of a header list, as RFC 9113 §6.5.2 counts. */
export function listBytes(headers: RawHeaders): number {
  let bytes = (headers.length / 2) * FIELD_BYTES;
  for (const text of headers) bytes += text.length;
  return bytes;
}
