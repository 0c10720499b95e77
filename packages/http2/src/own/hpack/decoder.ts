import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from '../frames/connection-error.ts';
import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts';
import { huffmanDecode, maxDecodedBytes } from './huffman.ts';
import { integerEnd, readInteger } from './integer.ts';
import { STATIC_ENTRIES } from './static-table.ts';

/** A decoded block. */
export interface HeaderList {
  /** Names and values in turn, pseudo-headers included. A list that is too large is cut; the fields of the call's status stay. */
  readonly fields: string[];
  /** As RFC 9113 §6.5.2 counts. */
  readonly bytes: number;
  readonly tooLarge: boolean;
}

/** Fields that stay when a list is too large, wherever they come, unless they themselves are too large. */
const STATUS_NAMES = [':status', 'grpc-status', 'grpc-message'];
const MAX_STATUS_BYTES = 8 * 1024;

/** A change of the table's size may come twice at the start of a block (RFC 7541 §4.2). */
const MAX_SIZE_UPDATES = 2;

/**
 * Decodes header blocks of one connection. Every block must pass through it, wanted or not, because each may change
 * the table. A list over the limit is decoded to its end but not kept, so that a short block that stands for a
 * long list costs us little.
 */
export class HpackDecoder {
  readonly table: DynamicTable;
  /** Our SETTINGS_HEADER_TABLE_SIZE. */
  tableLimit: number;
  readonly #maxListBytes: number;
  #scratch = Buffer.allocUnsafeSlow(256);
  #source: Buffer = this.#scratch;
  #at = 0;
  #end = 0;

  constructor(tableLimit: number, maxListBytes: number) {
    this.tableLimit = tableLimit;
    this.table = new DynamicTable(tableLimit);
    this.#maxListBytes = maxListBytes;
  }

  /** Throws a {@link ConnectionError} of COMPRESSION_ERROR for anything that is not HPACK. */
  decode(source: Buffer, start: number, end: number): HeaderList {
    this.#source = source;
    this.#at = start;
    this.#end = end;
    const fields: string[] = [];
    let bytes = 0;
    let late: string[] | undefined;
    this.#resizeTable();
    while (this.#at < end) {
      const first = source[this.#at]!;
      let name: string;
      let value: string;
      if (first >= 0x80) {
        const index = this.#integer(7);
        name = this.#name(index);
        value = index <= STATIC_ENTRIES.length ? STATIC_ENTRIES[index - 1]![1] : this.table.value(index - 62);
      } else {
        if (first >= 0x20 && first < 0x40) throw fail('the table size changes in the middle of a block');
        const index = this.#integer(first >= 0x40 ? 6 : 4);
        name = index === 0 ? this.#string() : this.#name(index);
        value = this.#string();
        if (first >= 0x40) this.table.add(name, value);
      }
      bytes += name.length + value.length + ENTRY_OVERHEAD_BYTES;
      if (bytes <= this.#maxListBytes) fields.push(name, value);
      else if (STATUS_NAMES.includes(name) && value.length <= MAX_STATUS_BYTES) {
        late ??= [];
        if (!late.includes(name)) late.push(name, value);
      }
    }
    if (late !== undefined) fields.push(...late);
    return { fields, bytes, tooLarge: bytes > this.#maxListBytes };
  }

  #resizeTable(): void {
    for (let count = 0; this.#at < this.#end && (this.#source[this.#at]! & 0xe0) === 0x20; count++) {
      if (count === MAX_SIZE_UPDATES) throw fail('the table size changes more than twice in one block');
      const size = this.#integer(5);
      if (size > this.tableLimit)
        throw fail(`a table of ${size} bytes, above the limit of ${this.tableLimit}`);
      this.table.resize(size);
    }
  }

  #name(index: number): string {
    if (index > 0 && index <= STATIC_ENTRIES.length) return STATIC_ENTRIES[index - 1]![0];
    const dynamic = index - STATIC_ENTRIES.length - 1;
    if (index === 0 || dynamic >= this.table.length) throw fail(`no table entry ${index}`);
    return this.table.name(dynamic);
  }

  #integer(prefixBits: number): number {
    const value = readInteger(this.#source, this.#at, this.#end, prefixBits);
    if (value < 0) throw fail('an integer is cut short or too large');
    this.#at = integerEnd();
    return value;
  }

  #string(): string {
    const huffman = this.#at < this.#end && this.#source[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw fail('a string is longer than its block');
    this.#at = end;
    if (!huffman) return latin1(this.#source, start, end);
    const room = maxDecodedBytes(length);
    if (room > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(room);
    const decoded = huffmanDecode(this.#source, start, end, this.#scratch);
    if (decoded < 0) throw fail('a string is not Huffman code');
    return latin1(this.#scratch, 0, decoded);
  }
}

/** Below this many bytes a loop is faster than a call into C++. */
const SHORT_BYTES = 12;

function latin1(source: Buffer, start: number, end: number): string {
  if (end - start > SHORT_BYTES) return source.toString('latin1', start, end);
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(source[i]!);
  return text;
}

function fail(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, `HPACK: ${what}`);
}
