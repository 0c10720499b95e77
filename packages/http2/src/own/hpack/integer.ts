/** Lengths and indexes are far below this; a larger one is an attack or a bug (RFC 7541 §7.4). */
const LARGEST = 2 ** 28;

/** Where the last {@link readInteger} stopped. Returning a pair for each number would make garbage, and only one decoder runs at a time. */
let stoppedAt = 0;

/** Position behind the integer that {@link readInteger} read last. */
export function integerEnd(): number {
  return stoppedAt;
}

/** Reads an integer with a prefix of so many bits (RFC 7541 §5.1); −1 when it is cut short or too large. */
export function readInteger(source: Uint8Array, start: number, end: number, prefixBits: number): number {
  if (start >= end) return -1;
  const mask = (1 << prefixBits) - 1;
  let value = source[start]! & mask;
  let at = start + 1;
  if (value === mask) {
    let byte: number;
    let shift = 0;
    do {
      if (at >= end || shift > 21) return -1;
      byte = source[at++]!;
      value += (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80);
    if (value > LARGEST) return -1;
  }
  stoppedAt = at;
  return value;
}

/** Writes an integer behind `flags`, the bits before its prefix; returns the position behind it. At most 6 bytes. */
export function writeInteger(
  target: Uint8Array,
  position: number,
  flags: number,
  prefixBits: number,
  value: number,
): number {
  const mask = (1 << prefixBits) - 1;
  let at = position;
  if (value < mask) {
    target[at++] = flags | value;
    return at;
  }
  target[at++] = flags | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}
