import { HUFFMAN_CODE_BITS } from './huffman-lengths.ts';

/** The codes of the bytes, computed from the codes' lengths. */
const CODES = new Uint32Array(256);
const EMITS = 1 << 24;
const FAILS = 1 << 25;
/** States in which a string may end: at most 7 bits of a code, all ones (RFC 7541 §5.2). */
const MAY_END = new Uint8Array(256);

/** `[state * 16 + nibble]`: next state in the low 16 bits, then the symbol, then two flags. Built for the first string. */
let transitions: Uint32Array | undefined;

assignCodes();

function assignCodes(): void {
  const order = Array.from(HUFFMAN_CODE_BITS.keys()).sort(
    (a, b) => HUFFMAN_CODE_BITS[a]! - HUFFMAN_CODE_BITS[b]! || a - b,
  );
  let code = 0;
  let bits = 0;
  for (const symbol of order) {
    code <<= HUFFMAN_CODE_BITS[symbol]! - bits;
    bits = HUFFMAN_CODE_BITS[symbol]!;
    CODES[symbol] = code;
    code += 1;
  }
}

/** A tree whose inner nodes are the decoder's states. A child ≥ 0 is a node, −1 is nothing (EOS), below −1 is symbol −2−n. */
function buildDecoder(): Uint32Array {
  const children: [number, number][] = [[-1, -1]];
  for (let symbol = 0; symbol < 256; symbol++) {
    const bits = HUFFMAN_CODE_BITS[symbol]!;
    let node = 0;
    for (let i = bits - 1; i >= 0; i--) {
      const bit = (CODES[symbol]! >>> i) & 1;
      if (i === 0) children[node]![bit] = -2 - symbol;
      else {
        if (children[node]![bit] === -1) children[node]![bit] = children.push([-1, -1]) - 1;
        node = children[node]![bit]!;
      }
    }
  }
  let ones = 0;
  for (let depth = 0; depth <= 7; depth++) {
    MAY_END[ones] = 1;
    ones = children[ones]![1];
  }
  const table = new Uint32Array(children.length * 16);
  for (let state = 0; state < children.length; state++) {
    for (let nibble = 0; nibble < 16; nibble++) table[state * 16 + nibble] = step(children, state, nibble);
  }
  return table;
}

function step(children: readonly [number, number][], state: number, nibble: number): number {
  let node = state;
  let result = 0;
  for (let i = 3; i >= 0; i--) {
    const next = children[node]![(nibble >>> i) & 1]!;
    if (next === -1) return FAILS;
    if (next < -1) {
      // The shortest code has 5 bits, so a nibble ends one symbol at most.
      result = EMITS | ((-2 - next) << 16);
      node = 0;
    } else node = next;
  }
  return result | node;
}

/** The most bytes that a text may have when decoded: the shortest code has 5 bits. */
export function maxDecodedBytes(encodedBytes: number): number {
  return Math.floor((encodedBytes * 8) / 5);
}

/** Decodes into `target`; returns the number of bytes, or −1 for bytes that are not a Huffman code. */
export function huffmanDecode(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  transitions ??= buildDecoder();
  const table = transitions;
  let state = 0;
  let length = 0;
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    let entry = table[state * 16 + (byte >>> 4)]!;
    if (entry >= FAILS) return -1;
    if (entry >= EMITS) target[length++] = entry >>> 16;
    entry = table[(entry & 0xffff) * 16 + (byte & 15)]!;
    if (entry >= FAILS) return -1;
    if (entry >= EMITS) target[length++] = entry >>> 16;
    state = entry & 0xffff;
  }
  return MAY_END[state] === 1 ? length : -1;
}

/** Bytes that `text` takes when encoded. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += HUFFMAN_CODE_BITS[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >>> 3;
}

/** Encodes `text`, one byte a character; returns the position behind it. */
export function huffmanEncode(text: string, target: Uint8Array, position: number): number {
  let at = position;
  // Codes are up to 30 bits long and up to 7 bits wait: two halves keep the arithmetic in 32 bits.
  let waiting = 0;
  let waitingBits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let bits = HUFFMAN_CODE_BITS[symbol]!;
    const code = CODES[symbol]!;
    while (bits > 0) {
      const take = Math.min(bits, 8 - waitingBits);
      bits -= take;
      waiting = (waiting << take) | ((code >>> bits) & ((1 << take) - 1));
      waitingBits += take;
      if (waitingBits === 8) {
        target[at++] = waiting;
        waiting = 0;
        waitingBits = 0;
      }
    }
  }
  // The last byte is padded with the beginning of EOS.
  if (waitingBits > 0) target[at++] = (waiting << (8 - waitingBits)) | (0xff >>> waitingBits);
  return at;
}
