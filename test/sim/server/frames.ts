/** RFC 9113 §6 */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
} as const;
/** RFC 9113 §6 */
export const Flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4 } as const;
/** RFC 9113 §6.5.2 */
export const Setting = { MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4, MAX_FRAME_SIZE: 5 } as const;
/** RFC 9113 §7 */
export const ErrorCode = {
  NO_ERROR: 0,
  INTERNAL_ERROR: 2,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  ENHANCE_YOUR_CALM: 11,
} as const;
export const HEAD_BYTES = 9;
export const PREFACE_BYTES = 24;
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_STREAM_ID = 0x7fffffff;
const NOTHING = Buffer.alloc(0);

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}

export function settings(...pairs: (readonly [setting: number, value: number])[]): Buffer {
  const bytes = Buffer.allocUnsafe(pairs.length * 6);
  for (const [i, [setting, value]] of pairs.entries()) {
    bytes.writeUInt16BE(setting, i * 6);
    bytes.writeUInt32BE(value, i * 6 + 2);
  }
  return frame(FrameType.SETTINGS, 0, 0, bytes);
}

export function goAway(lastStream: number, errorCode: number, debug = ''): Buffer {
  return frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(lastStream, errorCode), Buffer.from(debug)]));
}

/** A message of gRPC, not compressed. */
export function message(body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(5 + body.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(body.length, 1);
  bytes.set(body, 5);
  return bytes;
}

/** Counts the messages in the DATA of a stream, wherever they are cut. */
export class MessageCounter {
  #head: number[] = [];
  #left = 0;

  /** How many messages these bytes complete. */
  count(bytes: Uint8Array): number {
    let complete = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) complete += 1;
        continue;
      }
      this.#head.push(bytes[at++]!);
      if (this.#head.length < 5) continue;
      this.#left = Buffer.from(this.#head).readUInt32BE(1);
      this.#head = [];
      if (this.#left === 0) complete += 1;
    }
    return complete;
  }
}
