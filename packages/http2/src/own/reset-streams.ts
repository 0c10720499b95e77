/** At least this many streams are remembered one by one; when a Pod stalls, far more calls may reach their deadlines at once. */
const GENERATION = 32_768;
/** Keepalive closes a connection that is silent for this long. */
const GENERATION_MS = 60_000;
/** How many bytes the headers of one reply may have; no window bounds them. */
const HEADER_BYTES = 4096;
/** How many bytes the smallest frame counts as. */
const MIN_BYTES = 16;
const NONE = -1;

/**
 * Streams that we reset. Before the peer learns of a reset, it may send all that the stream's window allows, and after a stall it may
 * do this for thousands of calls at once, which is neither an error nor a flood. Streams are forgotten a generation at a time: to find
 * the oldest one, a Map would have to pass all entries deleted before it.
 */
export class ResetStreams {
  readonly #nowMs: () => number;
  /** How many bytes may still arrive for each stream. */
  #young = new Map<number, number>();
  #old = new Map<number, number>();
  #bornMs: number;
  /** The largest ids of the young and of the old generation. */
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

  /** Counts a frame against the bytes that may still come; false if it exceeds them, or if the stream is unknown. */
  onData(id: number, bytes: number, ends: boolean): boolean {
    return this.#take(id, Math.max(bytes, MIN_BYTES), ends);
  }

  /** `oversizeBytes`: the size of a header list over the limit, else 0. */
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
