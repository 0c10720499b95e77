import { decompress, type ReadResult } from './compression.ts';
import { PREFIX_BYTES } from './message-prefix.ts';

/**
 * Cuts a stream of bytes into gRPC messages. A length is checked before anything is kept for it, so that no peer
 * makes it hold more than one message of the size allowed.
 */
export class MessageReader {
  readonly #maxBytes: number;
  /** As the response's `grpc-encoding` says. */
  encoding = 'identity';
  /** Length of the last message that was read, as it arrived; `next` returns that message if it has not yet. */
  messageBytes = 0;
  /** Received and not yet cut; the first may be used in part. */
  #chunks: Uint8Array[] = [];
  #offset = 0;
  #bytes = 0;
  /** Length of the message that is being received, once its prefix was read. */
  #length = -1;
  #compressed = false;
  /** A message that was read before the caller asked for it. */
  #ahead: ReadResult | undefined;

  /** `maxBytes`: the largest message taken, on the wire or inflated; -1 is no limit. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether the peer stopped in the middle of a message. */
  get partial(): boolean {
    return this.#bytes > 0 || this.#length >= 0 || this.#ahead !== undefined;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Whether `next` has a result before more bytes arrive: a message, or a failure. */
  get ready(): boolean {
    this.#ahead ??= this.#read();
    return this.#ahead !== undefined;
  }

  /** The next whole message, or why there cannot be one; undefined while more bytes are needed. */
  next(): ReadResult | undefined {
    const result = this.#ahead ?? this.#read();
    this.#ahead = undefined;
    return result;
  }

  #read(): ReadResult | undefined {
    if (this.#length < 0) {
      if (this.#bytes < PREFIX_BYTES) return undefined;
      const bad = this.#readPrefix();
      if (bad !== undefined) return bad;
    }
    if (this.#bytes < this.#length) return undefined;
    const raw = this.#take(this.#length);
    const wireBytes = this.#length;
    this.messageBytes = wireBytes;
    this.#length = -1;
    if (!this.#compressed) return { kind: 'message', message: raw };
    const decoded = decompress(raw, this.encoding, this.#maxBytes);
    if (decoded.kind !== 'too-large') return decoded;
    return { kind: 'too-large', bytes: Math.max(wireBytes, this.#maxBytes + 1), limit: this.#maxBytes };
  }

  #readPrefix(): ReadResult | undefined {
    const prefix = this.#take(PREFIX_BYTES);
    const flag = prefix[0]!;
    if (flag > 1)
      return { kind: 'invalid', reason: `a message begins with the flag ${flag}; 0 or 1 is allowed` };
    const length = ((prefix[1]! << 24) | (prefix[2]! << 16) | (prefix[3]! << 8) | prefix[4]!) >>> 0;
    if (this.#maxBytes >= 0 && length > this.#maxBytes) {
      return { kind: 'too-large', bytes: length, limit: this.#maxBytes };
    }
    this.#length = length;
    this.#compressed = flag === 1;
    return undefined;
  }

  /** Takes bytes: a view when one chunk holds all of them, else a copy. */
  #take(count: number): Uint8Array {
    this.#bytes -= count;
    const first = this.#chunks[0];
    if (first === undefined) return new Uint8Array(0);
    const end = this.#offset + count;
    if (end <= first.length) {
      const view = first.subarray(this.#offset, end);
      this.#offset = end;
      if (end === first.length) this.#shift();
      return view;
    }
    const whole = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(this.#offset, this.#offset + count - filled);
      whole.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (this.#offset === chunk.length) this.#shift();
    }
    return whole;
  }

  #shift(): void {
    this.#chunks.shift();
    this.#offset = 0;
  }
}
