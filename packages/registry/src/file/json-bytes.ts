/** Finds the parts of a JSON text in its bytes. This is possible because no other character of UTF-8 contains the bytes of JSON's punctuation. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

const isSpace = (byte: number | undefined) =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

export function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

/** The position behind the object or list that begins at `from`, or -1 when none does. It may be wrong for text that is not JSON. */
export function endOfNested(bytes: Buffer, from: number): number {
  if (bytes[from] !== OPEN_OBJECT && bytes[from] !== OPEN_LIST) return -1;
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at) - 1;
      if (at < 0) return -1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

function endOfString(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    if (bytes[at] === QUOTE) return at + 1;
    if (bytes[at] === BACKSLASH) at += 1;
  }
  return -1;
}

/** The name of a member of an object, and where its value begins. */
export interface Member {
  readonly name: string;
  readonly value: number;
}

/** The member whose name begins at `from`, in valid JSON; undefined when none does. */
export function memberAt(bytes: Buffer, from: number): Member | undefined {
  if (bytes[from] !== QUOTE) return undefined;
  const end = endOfString(bytes, from);
  // Behind the colon, which may have space around it.
  const value = skipSpace(bytes, skipSpace(bytes, end) + 1);
  return { name: JSON.parse(bytes.toString('utf8', from, end)) as string, value };
}

/** Where an object begins: behind its brace, or that of the whole text behind a byte order mark. */
export function insideObject(bytes: Buffer, from: number): number | undefined {
  const hasMark = from === 0 && BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte);
  const at = skipSpace(bytes, hasMark ? BYTE_ORDER_MARK.length : from);
  return bytes[at] === OPEN_OBJECT ? skipSpace(bytes, at + 1) : undefined;
}
