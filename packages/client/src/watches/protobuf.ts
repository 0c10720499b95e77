/** Protobuf's wire types: https://protobuf.dev/programming-guides/encoding/#structure */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** A field of a message: a number of a varint or double, or the bytes of a text, message or map entry. */
export type Field = (number: number, value: number | Buffer) => void;

/** Reads a message field by field, and passes over fields of other types. Throws for bytes that are no message. */
export function readFields(bytes: Buffer, field: Field): void {
  let at = 0;
  /** Up to 2^53, beyond which no field that is read here goes. */
  const varint = (): number => {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new Error('the message ends within a number');
  };
  const take = (length: number): number => {
    const from = at;
    at += length;
    if (at > bytes.length) throw new Error('the message ends within a field');
    return from;
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        field(number, varint());
        break;
      case FIXED64:
        field(number, bytes.readDoubleLE(take(8)));
        break;
      case LENGTH: {
        const length = varint();
        field(number, bytes.subarray(take(length), at));
        break;
      }
      case FIXED32:
        take(4);
        break;
      default:
        throw new Error(`wire type ${tag % 8} is unknown`);
    }
  }
}

/** A field with bytes or a text. */
export function bytesField(number: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([number * 8 + LENGTH, ...varintBytes(bytes.length)]), bytes]);
}

/** A field with a whole number of 0 or more; none for 0, which is the default. */
export function numberField(number: number, value: number): Buffer {
  return Buffer.from(value === 0 ? [] : [number * 8 + VARINT, ...varintBytes(value)]);
}

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return [...bytes, left];
}
