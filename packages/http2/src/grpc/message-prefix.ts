/** Compressed flag and length before each message: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export const PREFIX_BYTES = 5;
/** Messages up to this size are copied behind their prefix: one write is cheaper than two. */
const COPY_BYTES = 16 * 1024;

/** A message with its prefix, in as few pieces as are worth it. */
export function frameMessage(message: Uint8Array, compressed: boolean): readonly Buffer[] {
  const { length } = message;
  const whole = length <= COPY_BYTES;
  const head = Buffer.allocUnsafe(whole ? PREFIX_BYTES + length : PREFIX_BYTES);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  if (whole) {
    head.set(message, PREFIX_BYTES);
    return [head];
  }
  return [head, Buffer.from(message.buffer, message.byteOffset, length)];
}
