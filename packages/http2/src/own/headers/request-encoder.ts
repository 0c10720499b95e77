import type { MethodHead, StreamHead } from '../../transport.ts';
import type { WriteBuffer } from '../flow/write-buffer.ts';
import { Flag, FRAME_HEAD_BYTES, FrameType, writeFrameHead } from '../frames/frame.ts';
import { HpackEncoder } from '../hpack/encoder.ts';

interface KnownMethod {
  /** The version of the table for which the bytes are valid. */
  readonly version: number;
  readonly bytes: Buffer;
}

/** A service has tens of methods. A caller that invents authorities makes more entries, and then the cache starts anew. */
const MAX_KNOWN = 1024;

/** Writes the HEADERS of requests. The fields that all calls of a method share are encoded once. */
export class RequestEncoder {
  readonly #hpack = new HpackEncoder();
  readonly #scheme: string;
  readonly #known = new Map<MethodHead, KnownMethod>();

  constructor(scheme: 'http' | 'https') {
    this.#scheme = scheme;
  }

  setTableLimit(bytes: number): void {
    this.#hpack.setTableLimit(bytes);
  }

  /** Appends HEADERS, and CONTINUATION if the block is larger than a frame. */
  write(out: WriteBuffer, streamId: number, head: StreamHead, maxFrameBytes: number): void {
    const method = this.#method(head.method);
    const { headers } = head;
    out.reserve(FRAME_HEAD_BYTES + method.length + (headers.length > 0 ? this.#hpack.maxBytes(headers) : 0));
    const { block, position } = out;
    const start = position + FRAME_HEAD_BYTES;
    let at = start;
    for (let i = 0; i < method.length; i++) block[at++] = method[i]!;
    if (headers.length > 0) at = this.#hpack.writeOnce(block, at, headers);
    if (at - start > maxFrameBytes)
      return this.#split(out, streamId, Buffer.from(block.subarray(start, at)), maxFrameBytes);
    writeFrameHead(block, position, at - start, FrameType.HEADERS, Flag.END_HEADERS, streamId);
    out.position = at;
  }

  #method(method: MethodHead): Buffer {
    const { table } = this.#hpack;
    const known = this.#known.get(method);
    if (known !== undefined && known.version === table.version && !this.#hpack.resized) return known.bytes;
    const fields = [
      ...[':method', 'POST', ':scheme', this.#scheme, ':path', method.path, ':authority', method.authority],
      ...method.headers,
    ];
    const { resized } = this.#hpack;
    const before = table.version;
    const target = Buffer.allocUnsafe(this.#hpack.maxBytes(fields));
    const start = this.#hpack.writeTableSize(target, 0);
    const bytes = Buffer.from(target.subarray(0, this.#hpack.writeRepeated(target, start, fields)));
    // A block that added to the table can be used only once; the next block refers to the new entries.
    if (table.version === before && !resized) {
      if (this.#known.size === MAX_KNOWN) this.#known.clear();
      this.#known.set(method, { version: before, bytes });
    }
    return bytes;
  }

  #split(out: WriteBuffer, streamId: number, block: Buffer, maxFrameBytes: number): void {
    for (let start = 0; start < block.length; start += maxFrameBytes) {
      const piece = block.subarray(start, start + maxFrameBytes);
      const type = start === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
      const flags = start + maxFrameBytes >= block.length ? Flag.END_HEADERS : 0;
      out.reserve(FRAME_HEAD_BYTES);
      out.position = writeFrameHead(out.block, out.position, piece.length, type, flags, streamId);
      out.append(piece);
    }
  }
}
