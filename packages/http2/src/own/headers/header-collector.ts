import { maxBlockBytes } from '../../connection/header-limit.ts';
import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from '../frames/connection-error.ts';
import { Flag, MAX_FRAME_BYTES } from '../frames/frame.ts';

/** CONTINUATION frames that a block may have beyond those that it needs. More are a flood (CVE-2024-28182). */
const SPARE_CONTINUATIONS = 8;
const PRIORITY_BYTES = 5;

type OnBlock = (id: number, source: Buffer, start: number, end: number, endStream: boolean) => void;

/** Joins HEADERS and its CONTINUATION frames to one block (RFC 9113 §4.3). */
export class HeaderCollector {
  /** Whether a block has begun and not ended. Then only CONTINUATION of the same stream may follow. */
  open = false;
  readonly #maxBytes: number;
  readonly #maxContinuations: number;
  readonly #onBlock: OnBlock;
  #id = 0;
  #endStream = false;
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** `maxListBytes`: the largest list that a call takes. A larger one ends only its call. */
  constructor(maxListBytes: number, onBlock: OnBlock) {
    this.#maxBytes = maxBlockBytes(maxListBytes);
    this.#maxContinuations = SPARE_CONTINUATIONS + Math.ceil(this.#maxBytes / MAX_FRAME_BYTES);
    this.#onBlock = onBlock;
  }

  onHeaders(id: number, flags: number, source: Buffer, start: number, end: number): void {
    let from = start;
    let until = end;
    if ((flags & Flag.PADDED) !== 0) {
      if (from === end) throw protocolError('HEADERS with more padding than payload');
      until -= source[from]!;
      from += 1;
    }
    if ((flags & Flag.PRIORITY) !== 0) {
      if (until - from >= 4 && (source.readUInt32BE(from) & 0x7fffffff) === id) {
        throw protocolError('a stream that depends on itself');
      }
      from += PRIORITY_BYTES;
    }
    if (from > until) throw protocolError('HEADERS with more padding than payload');
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if ((flags & Flag.END_HEADERS) !== 0) return this.#onBlock(id, source, from, until, endStream);
    this.open = true;
    this.#id = id;
    this.#endStream = endStream;
    this.#keep(source, from, until);
  }

  onContinuation(id: number, flags: number, source: Buffer, start: number, end: number): void {
    if (!this.open || id !== this.#id) throw protocolError('CONTINUATION of no header block');
    this.#keep(source, start, end);
    if ((flags & Flag.END_HEADERS) === 0) return;
    const block = Buffer.concat(this.#pieces);
    this.open = false;
    this.#pieces = [];
    this.#bytes = 0;
    this.#onBlock(id, block, 0, block.length, this.#endStream);
  }

  #keep(source: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > this.#maxBytes || this.#pieces.length > this.#maxContinuations) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block without end');
    }
    this.#pieces.push(Buffer.from(source.subarray(start, end)));
  }
}

function protocolError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, what);
}
