import type { ReadResult } from '../grpc/compression.ts';
import { decompress } from '../grpc/compression.ts';
import { PREFIX_BYTES } from '../grpc/message-prefix.ts';
import { readUint32 } from './frames/frame.ts';

/**
 * For a message of up to this size, room for the whole message is made when its first frame is read; for a larger one, as its bytes
 * arrive. The size is gRPC's default limit.
 */
const TRUSTED_BYTES = 4 * 1024 * 1024;
/**
 * Room is also limited to this many times the bytes that are here, or to the next constant. Memory that nothing was written to costs
 * nothing yet, but V8 counts it and collects garbage more often. So a few bytes of a peer must not reserve megabytes; a frame of
 * 16 KiB may.
 */
const TRUST = 256;
const LEAST_TRUSTED_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

/**
 * Collects gRPC messages that did not arrive whole in one read, or that the caller has not asked for yet. The bytes lie in one
 * piece, however small the pieces were in which they arrived. A length is checked before room is made for it.
 */
export class MessageBuffer {
  readonly #maxBytes: number;
  /** Length of the message that `next` returned last, as it arrived. */
  messageBytes = 0;
  #buffer: Buffer = EMPTY;
  #start = 0;
  #end = 0;

  /** `maxBytes`: the largest message taken, on the wire or inflated; -1 is no limit. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether it holds nothing, not even the beginning of a message. */
  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** Whether all bytes of the first message are here. */
  get holdsMessage(): boolean {
    const have = this.#end - this.#start;
    return have >= PREFIX_BYTES && have >= PREFIX_BYTES + readUint32(this.#buffer, this.#start + 1);
  }

  /** How many more bytes the first message, or its prefix, needs; at least 1. */
  get missing(): number {
    const have = this.#end - this.#start;
    if (have < PREFIX_BYTES) return PREFIX_BYTES - have;
    return Math.max(PREFIX_BYTES + readUint32(this.#buffer, this.#start + 1) - have, 1);
  }

  /** `wanted`: the caller waits for the message, so the rest of it may arrive at once. */
  push(source: Buffer, start: number, end: number, wanted: boolean): void {
    const count = end - start;
    if (this.#buffer.length - this.#end < count) this.#makeRoom(count, source, start, wanted);
    source.copy(this.#buffer, this.#end, start, end);
    this.#end += count;
  }

  /** The next whole message, as a view that is valid until the next `push`, or why there cannot be one; undefined while more bytes are needed. */
  next(encoding: string): ReadResult | undefined {
    const have = this.#end - this.#start;
    if (have < PREFIX_BYTES) return undefined;
    const flag = this.#buffer[this.#start]!;
    if (flag > 1)
      return { kind: 'invalid', reason: `a message begins with the flag ${flag}; 0 or 1 is allowed` };
    const length = readUint32(this.#buffer, this.#start + 1);
    const limit = this.#maxBytes;
    if (limit >= 0 && length > limit) return { kind: 'too-large', bytes: length, limit };
    if (have < PREFIX_BYTES + length) return undefined;
    const from = this.#start + PREFIX_BYTES;
    const message = this.#buffer.subarray(from, from + length);
    this.#start = from + length;
    this.messageBytes = length;
    if (this.#start === this.#end) this.#release();
    if (flag === 0) return { kind: 'message', message };
    const decoded = decompress(message, encoding, limit);
    if (decoded.kind !== 'too-large') return decoded;
    return { kind: 'too-large', bytes: Math.max(length, limit + 1), limit };
  }

  #makeRoom(count: number, source: Buffer, start: number, wanted: boolean): void {
    const have = this.#end - this.#start;
    let want = Math.max(have + count, wanted ? 2 * have : have + (have >> 2));
    // The first bytes of a message tell how many there will be.
    const whole = PREFIX_BYTES + this.#lengthAhead(have, count, source, start);
    const trusted = Math.min(Math.max(TRUST * (have + count), LEAST_TRUSTED_BYTES), TRUSTED_BYTES);
    if (wanted && whole >= have + count) want = Math.min(whole, Math.max(want, trusted));
    const target = want <= this.#buffer.length ? this.#buffer : Buffer.allocUnsafeSlow(want);
    this.#buffer.copy(target, 0, this.#start, this.#end);
    this.#buffer = target;
    this.#start = 0;
    this.#end = have;
  }

  /** The length in the first message's prefix; 0 while the prefix is not whole, or when the length is over the limit. */
  #lengthAhead(have: number, count: number, source: Buffer, start: number): number {
    let length = 0;
    if (have >= PREFIX_BYTES) length = readUint32(this.#buffer, this.#start + 1);
    else if (have === 0 && count >= PREFIX_BYTES) length = readUint32(source, start + 1);
    return this.#maxBytes >= 0 && length > this.#maxBytes ? 0 : length;
  }

  /** Frees the room: a long-lived stream must not keep room that it needed once. */
  #release(): void {
    this.#buffer = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }
}
