/** How many are told apart; a Pod that stalls may see the deadlines of far more calls pass at once. */
const MAX_KNOWN = 65_536;
/** For the frames of one reply that no window bounds: its headers. */
const HEADER_BYTES = 4096;
/** What the smallest frame takes. */
const MIN_BYTES = 16;
const NONE = -1;

/**
 * Streams that we reset. The peer may have sent all that their windows allow before it learns of it, and after a stall may
 * do so for thousands of calls at once: that is no offence, and no flood.
 */
export class ResetStreams {
  /** What may still come for each, in bytes, in order of their resets. */
  readonly #left = new Map<number, number>();
  /** Streams up to here may have been forgotten. */
  #forgottenId = 0;

  add(id: number, windowBytes: number): void {
    this.#left.set(id, windowBytes + 2 * HEADER_BYTES);
    if (this.#left.size <= MAX_KNOWN) return;
    const [oldest] = this.#left.keys();
    this.#left.delete(oldest!);
    this.#forgottenId = Math.max(this.#forgottenId, oldest!);
  }

  has(id: number): boolean {
    return this.#left.has(id) || id <= this.#forgottenId;
  }

  /** Takes a frame from what may come; false when it is more than that, or nobody knows. */
  onData(id: number, bytes: number, ends: boolean): boolean {
    return this.#take(id, Math.max(bytes, MIN_BYTES), ends);
  }

  onHeaders(id: number, ends: boolean): boolean {
    return this.#take(id, HEADER_BYTES, ends);
  }

  #take(id: number, bytes: number, ends: boolean): boolean {
    const left = (this.#left.get(id) ?? NONE) - bytes;
    if (left < 0) return false;
    if (ends) this.#left.delete(id);
    else this.#left.set(id, left);
    return true;
  }
}
