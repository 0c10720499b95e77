/** So many are told apart at least; a Pod that stalls may see the deadlines of far more calls pass at once. */
const GENERATION = 32_768;
/** Keepalive gives a Pod up that says nothing for so long. */
const GENERATION_MS = 60_000;
/** For the frames of one reply that no window bounds: its headers. */
const HEADER_BYTES = 4096;
/** What the smallest frame takes. */
const MIN_BYTES = 16;
const NONE = -1;

/**
 * Streams that we reset. The peer may have sent all that their windows allow before it learns of it, and after a stall may
 * do so for thousands of calls at once: that is neither an offence nor a flood. They are forgotten a generation at a time: one by one, a
 * Map would look through all that it forgot before to find the oldest.
 */
export class ResetStreams {
  readonly #nowMs: () => number;
  /** What may still come for each, in bytes. */
  #young = new Map<number, number>();
  #old = new Map<number, number>();
  #bornMs: number;
  /** The largest id of the young, and of the old. */
  #youngId = 0;
  #oldId = 0;
  /** Streams up to here may have been forgotten. */
  #forgottenId = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#bornMs = nowMs();
  }

  add(id: number, windowBytes: number): void {
    const nowMs = this.#nowMs();
    if (this.#young.size >= GENERATION || nowMs - this.#bornMs >= GENERATION_MS) this.#age(nowMs);
    this.#young.set(id, windowBytes + 2 * HEADER_BYTES);
    this.#youngId = Math.max(this.#youngId, id);
  }

  has(id: number): boolean {
    return this.#young.has(id) || this.#old.has(id) || id <= this.#forgottenId;
  }

  /** Takes a frame from what may come; false when it is more than that, or the stream is not known. */
  onData(id: number, bytes: number, ends: boolean): boolean {
    return this.#take(id, Math.max(bytes, MIN_BYTES), ends);
  }

  /** `oversizeBytes`: of a block that stands for a list over the limit, else 0. */
  onHeaders(id: number, oversizeBytes: number, ends: boolean): boolean {
    return this.#take(id, Math.max(HEADER_BYTES, oversizeBytes), ends);
  }

  #take(id: number, bytes: number, ends: boolean): boolean {
    const generation = this.#young.has(id) ? this.#young : this.#old;
    const left = (generation.get(id) ?? NONE) - bytes;
    if (left < 0) return false;
    if (ends) generation.delete(id);
    else generation.set(id, left);
    return true;
  }

  #age(nowMs: number): void {
    if (this.#old.size > 0) this.#forgottenId = this.#oldId;
    this.#old = this.#young;
    this.#oldId = this.#youngId;
    this.#young = new Map();
    this.#bornMs = nowMs;
  }
}
