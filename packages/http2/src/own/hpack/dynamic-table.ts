/** The bytes that count for an entry besides its name and value (RFC 7541 §4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;

/** Names and values by age: index 0 is the newest (RFC 7541 §2.3.2). */
export class DynamicTable {
  /** Grows with every entry that comes or goes and every change of size. A result computed from the table is valid for one version. */
  version = 0;
  bytes = 0;
  length = 0;
  /** Entries that were ever added. */
  added = 0;
  #maxBytes: number;
  /** A ring; its size is a power of two. */
  #names: string[];
  #values: string[];
  #head = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#names = new Array(16).fill('');
    this.#values = new Array(16).fill('');
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  name(index: number): string {
    return this.#names[(this.#head + index) & (this.#names.length - 1)]!;
  }

  value(index: number): string {
    return this.#values[(this.#head + index) & (this.#values.length - 1)]!;
  }

  resize(maxBytes: number): void {
    if (maxBytes !== this.#maxBytes) this.version += 1;
    this.#maxBytes = maxBytes;
    if (this.bytes > maxBytes) this.#evict(maxBytes);
  }

  /** Adds an entry, for which old ones are dropped. An entry larger than the table empties it (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    const size = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.version += 1;
    this.added += 1;
    if (size > this.#maxBytes) {
      this.#evict(0);
      return;
    }
    if (this.bytes + size > this.#maxBytes) this.#evict(this.#maxBytes - size);
    if (this.length === this.#names.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#names.length - 1);
    this.#names[this.#head] = name;
    this.#values[this.#head] = value;
    this.bytes += size;
    this.length += 1;
  }

  /** Drops the oldest entries until the others fit. */
  #evict(target: number): void {
    this.version += 1;
    while (this.bytes > target) {
      this.length -= 1;
      const slot = (this.#head + this.length) & (this.#names.length - 1);
      this.bytes -= this.#names[slot]!.length + this.#values[slot]!.length + ENTRY_OVERHEAD_BYTES;
      this.#names[slot] = '';
      this.#values[slot] = '';
    }
  }

  #grow(): void {
    const names: string[] = [];
    const values: string[] = [];
    for (let i = 0; i < this.length; i++) {
      names.push(this.name(i));
      values.push(this.value(i));
    }
    const spare: string[] = new Array(this.length).fill('');
    this.#names = [...names, ...spare];
    this.#values = [...values, ...spare];
    this.#head = 0;
  }
}
