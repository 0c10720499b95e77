import type { RawHeaders } from '../../transport.ts';
import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './dynamic-table.ts';
import { huffmanEncode, huffmanLength } from './huffman.ts';
import { writeInteger } from './integer.ts';
import { STATIC_ENTRIES } from './static-table.ts';

/** The default of SETTINGS_HEADER_TABLE_SIZE. Of a larger table we use no more than this. */
const TABLE_BYTES = 4096;
/** The most bytes that a literal field takes besides its name and value. */
const LITERAL_OVERHEAD_BYTES = 13;
/** Values that a compressing intermediary must not learn by guessing (RFC 7541 §7.1.3). */
const NEVER_INDEXED = new Set(['authorization', 'proxy-authorization', 'cookie']);

const STATIC_FIELDS = new Map<string, number>();
const STATIC_NAMES = new Map<string, number>();
for (const [i, [name, value]] of STATIC_ENTRIES.entries()) {
  STATIC_FIELDS.set(`${name}\0${value}`, i + 1);
  if (!STATIC_NAMES.has(name)) STATIC_NAMES.set(name, i + 1);
}

/**
 * Encodes header blocks of one connection. Fields that repeat are added to the table while there is room, and are never evicted.
 * So indexes move only while the table fills, and a block that was encoded once stays valid.
 */
export class HpackEncoder {
  readonly table = new DynamicTable(TABLE_BYTES);
  /** The table's count of entries when a field was added, by `name\0value`. */
  readonly #fields = new Map<string, number>();
  readonly #names = new Map<string, number>();
  /** The smallest size of the table since the last block, if the peer's limit changed (RFC 7541 §4.2). */
  #smallest: number | undefined;

  /** Applies the peer's SETTINGS_HEADER_TABLE_SIZE. */
  setTableLimit(bytes: number): void {
    const size = Math.min(bytes, TABLE_BYTES);
    if (size === this.table.maxBytes && this.#smallest === undefined) return;
    this.#smallest = Math.min(size, this.#smallest ?? this.table.maxBytes);
    const before = this.table.length;
    this.table.resize(size);
    if (this.table.length < before) this.#forgetEvicted();
  }

  /** Room that a block of these fields may take. */
  maxBytes(headers: RawHeaders): number {
    let bytes = 2 * LITERAL_OVERHEAD_BYTES;
    for (let i = 0; i < headers.length; i++) bytes += headers[i]!.length + LITERAL_OVERHEAD_BYTES;
    return bytes;
  }

  /** Must precede the first field of a block. */
  writeTableSize(target: Uint8Array, position: number): number {
    if (this.#smallest === undefined) return position;
    let at = position;
    if (this.#smallest < this.table.maxBytes) at = writeInteger(target, at, 0x20, 5, this.#smallest);
    this.#smallest = undefined;
    return writeInteger(target, at, 0x20, 5, this.table.maxBytes);
  }

  /** Whether the next block has to begin with {@link writeTableSize}. */
  get resized(): boolean {
    return this.#smallest !== undefined;
  }

  /** Writes fields that will repeat; returns the position behind them. */
  writeRepeated(target: Buffer, position: number, headers: RawHeaders): number {
    let at = position;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!;
      const value = headers[i + 1]!;
      const key = `${name}\0${value}`;
      const known = STATIC_FIELDS.get(key) ?? this.#index(this.#fields.get(key));
      if (known !== undefined) {
        at = writeInteger(target, at, 0x80, 7, known);
        continue;
      }
      const nameIndex = STATIC_NAMES.get(name) ?? this.#index(this.#names.get(name)) ?? 0;
      const adds = !NEVER_INDEXED.has(name) && this.#add(name, value, key);
      at = writeInteger(target, at, adds ? 0x40 : 0, adds ? 6 : 4, nameIndex);
      if (nameIndex === 0) at = writeCompressed(target, at, name);
      at = writeCompressed(target, at, value);
    }
    return at;
  }

  /** Writes the fields of one call, as literals that no table keeps. */
  writeOnce(target: Buffer, position: number, headers: RawHeaders): number {
    let at = position;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!;
      target[at++] = NEVER_INDEXED.has(name) ? 0x10 : 0;
      at = writePlain(target, at, name);
      at = writePlain(target, at, headers[i + 1]!);
    }
    return at;
  }

  #index(added: number | undefined): number | undefined {
    return added === undefined ? undefined : STATIC_ENTRIES.length + 1 + (this.table.added - added);
  }

  #add(name: string, value: string, key: string): boolean {
    const bytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (this.table.bytes + bytes > this.table.maxBytes) return false;
    this.table.add(name, value);
    this.#fields.set(key, this.table.added);
    this.#names.set(name, this.table.added);
    return true;
  }

  #forgetEvicted(): void {
    const oldest = this.table.added - this.table.length;
    for (const map of [this.#fields, this.#names]) {
      for (const [key, added] of map) if (added <= oldest) map.delete(key);
    }
  }
}

function writeCompressed(target: Buffer, position: number, text: string): number {
  const length = huffmanLength(text);
  if (length >= text.length) return writePlain(target, position, text);
  return huffmanEncode(text, target, writeInteger(target, position, 0x80, 7, length));
}

/** From this length on, the length itself takes more than one byte (RFC 7541 §5.1). */
const LONG_CHARACTERS = 127;
/** Below this many characters a loop is faster than a call into C++. */
const SHORT_CHARACTERS = 24;

function writePlain(target: Buffer, position: number, text: string): number {
  const { length } = text;
  let at = position;
  // Nearly every text is so short that its length is one byte.
  if (length < LONG_CHARACTERS) target[at++] = length;
  else at = writeInteger(target, position, 0, 7, length);
  if (length > SHORT_CHARACTERS) return at + target.write(text, at, length, 'latin1');
  for (let i = 0; i < length; i++) target[at++] = text.charCodeAt(i);
  return at;
}
