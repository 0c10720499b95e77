/** Reads and writes the two wire types of protobuf that Nacos uses (https://protobuf.dev/programming-guides/encoding/). */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** One length-delimited field, or nothing when it is empty: proto3 leaves out default values. */
export function field(number: number, value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return bytes.length === 0 ? Buffer.alloc(0) : present(number, bytes);
}

/** One length-delimited field, empty or not. */
export function present(number: number, value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint(number * 8 + LENGTH), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** The length-delimited fields of a message; others are skipped. Throws on bytes that are not protobuf. */
export function* fields(
  bytes: Uint8Array,
): Generator<{ readonly number: number; readonly value: Uint8Array }> {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1, i = 0; i < 10; i++, scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the message ends in the middle of a number');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error('a number is longer than 10 bytes');
  };
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) throw new Error('the message ends in the middle of a field');
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const tag = next();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        next();
        break;
      case FIXED64:
        take(8);
        break;
      case FIXED32:
        take(4);
        break;
      case LENGTH:
        yield { number, value: take(next()) };
        break;
      default:
        throw new Error(`field ${number} has wire type ${tag % 8}`);
    }
  }
}
