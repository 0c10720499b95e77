import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from './connection-error.ts';
import { Flag, FRAME_HEAD_BYTES, FrameType, MAX_FRAME_BYTES } from './frame.ts';

/** Receives frames. A payload is a view that is good until the method returns. */
export interface FrameSink {
  /** A whole frame of any type but DATA. */
  onFrame(type: number, flags: number, streamId: number, source: Buffer, start: number, end: number): void;
  /**
   * A piece of a DATA frame, as it arrives. `counted` is what flow control counts of the frame, padding included, and
   * comes with its first piece; `ends` comes with its last when the frame ends the stream. A piece is empty only if the frame has no
   * payload or ends the stream, so that empty pieces tell about the peer, not about where reads cut a frame.
   */
  onData(streamId: number, source: Buffer, start: number, end: number, counted: number, ends: boolean): void;
}

/** Cuts the bytes of a socket into frames. It buffers at most one frame other than DATA, and no DATA. */
export class FrameReader {
  readonly #sink: FrameSink;
  #stopped = false;
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  #headFill = 0;
  /** The frame whose payload arrives; −1 is none. */
  #type = -1;
  #flags = 0;
  #streamId = 0;
  /** Payload bytes to come. */
  #left = 0;
  #body: Buffer | undefined;
  #bodyFill = 0;
  /** For a DATA frame: its counted bytes, whether the sink got a piece, the padding to come, and whether the padding's length is known. */
  #counted = 0;
  #told = false;
  #padding = 0;
  #padKnown = true;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Stops calls to the sink, also for the rest of the current chunk. */
  stop(): void {
    this.#stopped = true;
    this.#body = undefined;
  }

  push(source: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#stopped) {
      if (this.#type < 0) {
        if (this.#headFill === 0 && end - at >= FRAME_HEAD_BYTES) {
          this.#begin(source, at);
          at += FRAME_HEAD_BYTES;
        } else {
          const take = Math.min(FRAME_HEAD_BYTES - this.#headFill, end - at);
          this.#head.set(source.subarray(at, at + take), this.#headFill);
          this.#headFill += take;
          at += take;
          if (this.#headFill < FRAME_HEAD_BYTES) return;
          this.#headFill = 0;
          this.#begin(this.#head, 0);
        }
      }
      at = this.#type === FrameType.DATA ? this.#data(source, at, end) : this.#whole(source, at, end);
    }
  }

  #begin(head: Uint8Array, at: number): void {
    const length = (head[at]! << 16) | (head[at + 1]! << 8) | head[at + 2]!;
    if (length > MAX_FRAME_BYTES) {
      throw new ConnectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `a frame of ${length} bytes; at most ${MAX_FRAME_BYTES} are allowed`,
      );
    }
    this.#type = head[at + 3]!;
    this.#flags = head[at + 4]!;
    // The highest bit is reserved (RFC 9113 §4.1).
    this.#streamId =
      ((head[at + 5]! & 0x7f) << 24) | (head[at + 6]! << 16) | (head[at + 7]! << 8) | head[at + 8]!;
    this.#left = length;
    if (this.#type !== FrameType.DATA) return;
    this.#counted = length;
    this.#told = false;
    this.#padding = 0;
    this.#padKnown = (this.#flags & Flag.PADDED) === 0;
    if (!this.#padKnown && length === 0) throw badPadding();
  }

  /** A frame in one piece, from the chunk itself where it is whole there. */
  #whole(source: Buffer, start: number, end: number): number {
    const have = Math.min(this.#left, end - start);
    if (this.#bodyFill === 0 && have === this.#left) {
      this.#emit(source, start, start + have);
      return start + have;
    }
    // The chunk ended behind the frame's head: the payload may yet come in one piece, and then this buffer would be the next frame's.
    if (have === 0) return start;
    this.#body ??= Buffer.allocUnsafe(this.#left);
    source.copy(this.#body, this.#bodyFill, start, start + have);
    this.#bodyFill += have;
    this.#left -= have;
    if (this.#left === 0) {
      const body = this.#body;
      const length = this.#bodyFill;
      this.#body = undefined;
      this.#bodyFill = 0;
      this.#emit(body, 0, length);
    }
    return start + have;
  }

  #emit(source: Buffer, start: number, end: number): void {
    const type = this.#type;
    this.#type = -1;
    this.#sink.onFrame(type, this.#flags, this.#streamId, source, start, end);
  }

  #data(source: Buffer, start: number, end: number): number {
    let at = start;
    if (!this.#padKnown) {
      if (at === end) return at;
      this.#padding = source[at]!;
      at += 1;
      this.#left -= 1;
      this.#padKnown = true;
      if (this.#padding > this.#left) throw badPadding();
    }
    const have = Math.min(this.#left, end - at);
    const payload = Math.max(0, Math.min(have, this.#left - this.#padding));
    this.#left -= have;
    const complete = this.#left === 0;
    if (complete) this.#type = -1;
    const ends = complete && (this.#flags & Flag.END_STREAM) !== 0;
    const counted = this.#told ? 0 : this.#counted;
    if (payload > 0 || ends || (complete && !this.#told)) {
      this.#told = true;
      this.#sink.onData(this.#streamId, source, at, at + payload, counted, ends);
    }
    return at + have;
  }
}

function badPadding(): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a frame has more padding than payload');
}
