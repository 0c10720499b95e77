/**
 * Reads Hessian 2 (http://hessian.caucho.com/doc/hessian-serialization.html), in which Dubbo's providers describe their interfaces.
 * Objects and maps become objects without a prototype. Throws on bytes that are not Hessian.
 */
export class HessianReader {
  readonly #bytes: Buffer;
  #at = 0;
  #depth = 0;
  readonly #classes: (readonly string[])[] = [];
  readonly #refs: unknown[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): unknown {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Error(`Hessian values are nested deeper than ${MAX_DEPTH}`);
    const value = this.#value(this.#byte());
    this.#depth -= 1;
    return value;
  }

  #value(tag: number): unknown {
    if (tag < 0x20 || (tag >= 0x30 && tag < 0x34) || tag === 0x52 || tag === 0x53) return this.#text(tag);
    if (tag < 0x30 || (tag >= 0x34 && tag < 0x38) || tag === 0x41 || tag === 0x42) return this.#binary(tag);
    if (isInt(tag)) return this.#int(tag);
    if (tag >= 0x38 && tag < 0x40) return (tag - 0x3c) * 65_536 + this.#take(2).readUInt16BE();
    if (tag >= 0xd8 && tag < 0xf0) return tag - 0xe0;
    if (tag >= 0xf0) return (tag - 0xf8) * 256 + this.#byte();
    if (tag >= 0x60 && tag < 0x70) return this.#object(tag - 0x60);
    if (tag >= 0x70 && tag < 0x78) return this.#list(tag - 0x70, true);
    if (tag >= 0x78 && tag < 0x80) return this.#list(tag - 0x78, false);
    switch (tag) {
      case 0x43: // C: a class, and then what it is the class of
        this.#text(this.#byte());
        this.#classes.push(Array.from({ length: this.#count(this.#number()) }, () => this.#string()));
        return this.read();
      case 0x4f: // O
        return this.#object(this.#number());
      case 0x48: // H: a map without a type
        return this.#map();
      case 0x4d: // M
        this.#type();
        return this.#map();
      case 0x51: // Q: what was read before
        return this.#refs[this.#number()];
      case 0x4e: // N
        return null;
      case 0x54: // T
        return true;
      case 0x46: // F
        return false;
      case 0x4c: // L
      case 0x4a: // milliseconds since 1970
        return Number(this.#take(8).readBigInt64BE());
      case 0x59: // a long of four bytes
        return this.#take(4).readInt32BE();
      case 0x4b: // minutes since 1970
        return this.#take(4).readInt32BE() * 60_000;
      case 0x44: // D
        return this.#take(8).readDoubleBE();
      case 0x5b:
        return 0;
      case 0x5c:
        return 1;
      case 0x5d:
        return this.#take(1).readInt8();
      case 0x5e:
        return this.#take(2).readInt16BE();
      case 0x5f:
        return this.#take(4).readInt32BE() / 1_000;
      case 0x55: // lists whose end is marked, with a type and without
      case 0x57:
        return this.#list(undefined, tag === 0x55);
      case 0x56: // V
        this.#type();
        return this.#list(this.#number(), false);
      case 0x58:
        return this.#list(this.#number(), false);
      default:
        throw new Error(`no Hessian value begins with ${tag}`);
    }
  }

  #int(tag: number): number {
    if (tag === 0x49) return this.#take(4).readInt32BE();
    if (tag < 0xc0) return tag - 0x90;
    if (tag < 0xd0) return (tag - 0xc8) * 256 + this.#byte();
    return (tag - 0xd4) * 65_536 + this.#take(2).readUInt16BE();
  }

  #number(): number {
    const tag = this.#byte();
    if (!isInt(tag)) throw new Error('a Hessian number is missing');
    return this.#int(tag);
  }

  #string(): string {
    return this.#text(this.#byte());
  }

  /** Lengths of text count UTF-16 code units. */
  #text(first: number): string {
    let text = '';
    for (let tag = first; ; tag = this.#byte()) {
      if (tag < 0x20) return text + this.#units(tag);
      if (tag >= 0x30 && tag < 0x34) return text + this.#units((tag - 0x30) * 256 + this.#byte());
      if (tag !== 0x52 && tag !== 0x53) throw new Error('a Hessian text is missing');
      text += this.#units(this.#take(2).readUInt16BE());
      if (tag === 0x53) return text;
    }
  }

  #units(count: number): string {
    let text = '';
    for (let units = 0; units < count; ) {
      const lead = this.#byte();
      const more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
      let code = more === 0 ? lead : lead & (0x3f >> more);
      for (let i = 0; i < more; i++) code = (code << 6) | (this.#byte() & 0x3f);
      if (code > 0x10ffff) throw new Error('a Hessian text is no UTF-8');
      text += String.fromCodePoint(code);
      units += code > 0xffff ? 2 : 1;
    }
    return text;
  }

  #binary(first: number): Buffer {
    const chunks: Buffer[] = [];
    for (let tag = first; ; tag = this.#byte()) {
      if (tag >= 0x20 && tag < 0x30) chunks.push(this.#take(tag - 0x20));
      else if (tag >= 0x34 && tag < 0x38) chunks.push(this.#take((tag - 0x34) * 256 + this.#byte()));
      else if (tag === 0x41 || tag === 0x42) chunks.push(this.#take(this.#take(2).readUInt16BE()));
      else throw new Error('a piece of Hessian bytes is missing');
      if (tag !== 0x41) return Buffer.concat(chunks);
    }
  }

  #list(count: number | undefined, hasType: boolean): unknown[] {
    if (hasType) this.#type();
    const list: unknown[] = [];
    this.#refs.push(list);
    if (count === undefined) while (!this.#isEnd()) list.push(this.read());
    else for (let i = this.#count(count); i > 0; i--) list.push(this.read());
    return list;
  }

  #map(): object {
    const map: Record<string, unknown> = Object.create(null);
    this.#refs.push(map);
    while (!this.#isEnd()) {
      const key = this.read();
      const value = this.read();
      if (typeof key === 'string') map[key] = value;
    }
    return map;
  }

  #object(at: number): object {
    const names = this.#classes[at];
    if (names === undefined) throw new Error('a Hessian object is of no known class');
    const object: Record<string, unknown> = Object.create(null);
    this.#refs.push(object);
    for (const name of names) object[name] = this.read();
    return object;
  }

  /** A name, or the number of one that was named before. */
  #type(): void {
    const tag = this.#byte();
    if (isInt(tag)) this.#int(tag);
    else this.#text(tag);
  }

  #isEnd(): boolean {
    if (this.#bytes[this.#at] !== 0x5a) return false;
    this.#at += 1;
    return true;
  }

  /** Checks a count of elements, each of which has at least one byte. */
  #count(count: number): number {
    if (count >= 0 && count <= this.#bytes.length - this.#at) return count;
    throw new Error('a Hessian list is longer than its bytes');
  }

  #byte(): number {
    return this.#take(1)[0] as number;
  }

  #take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw new Error('Hessian bytes end in the middle of a value');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

const MAX_DEPTH = 32;
const isInt = (tag: number) => tag === 0x49 || (tag >= 0x80 && tag < 0xd8);

/** A text of up to 65 535 code units. */
export function hessianText(text: string): Buffer {
  const { length } = text;
  return Buffer.concat([Buffer.from([0x53, length >> 8, length & 0xff]), Buffer.from(text)]);
}

export function hessianMap(entries: Readonly<Record<string, string>>): Buffer {
  const all = Object.entries(entries).flatMap(([key, value]) => [hessianText(key), hessianText(value)]);
  return Buffer.concat([Buffer.from('H'), ...all, Buffer.from('Z')]);
}
