/** One block of frames; small blocks are joined in it, large bodies stand between blocks. */
const BLOCK_BYTES = 32 * 1024;
/** Spare blocks are shared by all connections, so that an idle one holds none. */
const MAX_SPARE = 32;
const EMPTY = Buffer.alloc(0);
const spare: Buffer[] = [];

const NONE: readonly never[] = [];

/** Usually there is one element. An array literal of one takes an eighth of the memory of an array after a push. */
function appended<T>(list: readonly T[], item: T): readonly T[] {
  if (list === NONE) return [item];
  (list as T[]).push(item);
  return list;
}

/** Gives blocks back when the socket is done with them. */
export function recycle(blocks: readonly Buffer[]): void {
  for (const block of blocks) {
    if (block.length === BLOCK_BYTES && spare.length < MAX_SPARE) spare.push(block);
  }
}

/** What was written in one turn of the event loop. */
export interface Written {
  /** To write, in order. */
  readonly pieces: readonly Uint8Array[];
  /** The memory behind some of them, to {@link recycle}. */
  readonly blocks: readonly Buffer[];
}

/** Collects bytes to write. Writers put them at `position` of `block`, after `reserve`, and move `position`. */
export class WriteBuffer {
  block: Buffer = EMPTY;
  position = 0;
  #start = 0;
  #pieces: readonly Uint8Array[] = NONE;
  #blocks: readonly Buffer[] = NONE;
  /** With `position`, how many bytes are collected. Each call asks for that several times. */
  base = 0;

  /** Makes room for so many bytes in one piece. */
  reserve(count: number): void {
    if (this.block.length - this.position >= count) return;
    this.#cut();
    if (count > BLOCK_BYTES) this.block = Buffer.allocUnsafeSlow(count);
    else this.block = spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#blocks = appended(this.#blocks, this.block);
    this.base += this.#start;
    this.position = 0;
    this.#start = 0;
  }

  /** Appends bytes without a copy; they must not change until they are written. */
  reference(bytes: Uint8Array): void {
    this.#cut();
    this.#pieces = appended(this.#pieces, bytes);
    this.base += bytes.length;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.block.set(bytes, this.position);
    this.position += bytes.length;
  }

  take(): Written {
    this.#cut();
    const written = { pieces: this.#pieces, blocks: this.#blocks };
    this.#pieces = NONE;
    this.#blocks = NONE;
    this.base = 0;
    this.block = EMPTY;
    this.position = 0;
    this.#start = 0;
    return written;
  }

  #cut(): void {
    if (this.position === this.#start) return;
    this.#pieces = appended(this.#pieces, this.block.subarray(this.#start, this.position));
    this.#start = this.position;
  }
}
