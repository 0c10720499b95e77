import { HpackDecoder } from '../hpack/decoder.ts';
import { type ResponseBlock, toResponseBlock } from './response-block.ts';

/** The default of SETTINGS_HEADER_TABLE_SIZE, which we do not change. */
const TABLE_BYTES = 4096;
/** Longer blocks are not cached: they hold fields that differ from call to call. */
const MAX_KEPT_BYTES = 128;
const MAX_KEPT = 64;
/** Keys of blocks this short are numbers, which are exact to 53 bits. */
const SHORT_BYTES = 6;

/**
 * Decodes the header blocks of one connection, each distinct block once, because a server's replies repeat a few blocks.
 * Cached blocks stay valid as long as the table does not change.
 */
export class ResponseDecoder {
  readonly #hpack: HpackDecoder;
  readonly #kept = new Map<number | string, ResponseBlock>();
  #keptVersion = 0;

  constructor(maxListBytes: number) {
    this.#hpack = new HpackDecoder(TABLE_BYTES, maxListBytes);
  }

  /** Throws a ConnectionError for bytes that are not HPACK. */
  decode(source: Buffer, start: number, end: number): ResponseBlock {
    if (end - start > MAX_KEPT_BYTES) return toResponseBlock(this.#hpack.decode(source, start, end));
    const { table } = this.#hpack;
    if (table.version !== this.#keptVersion) {
      this.#kept.clear();
      this.#keptVersion = table.version;
    }
    const key = keyOf(source, start, end);
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const block = toResponseBlock(this.#hpack.decode(source, start, end));
    if (table.version === this.#keptVersion) {
      if (this.#kept.size === MAX_KEPT) this.#kept.clear();
      this.#kept.set(key, block);
    }
    return block;
  }
}

function keyOf(source: Buffer, start: number, end: number): number | string {
  if (end - start > SHORT_BYTES) return source.toString('latin1', start, end);
  let key = end - start;
  for (let i = start; i < end; i++) key = key * 256 + source[i]!;
  return key;
}
