import type { OwnStream } from './stream.ts';

/** Streams that we reset, and whose late frames are no offence. Older ones than these have had time to learn of it. */
const MAX_RESETS = 4096;
/** Stream ids end at 2^31−1 (RFC 9113 §5.1.1); a connection that used most of them is replaced in time. */
const LAST_ID = 2 ** 31 - 2 ** 20;

/** The streams of one connection by id. */
export class StreamTable {
  readonly #open = new Map<number, OwnStream>();
  readonly #resets = new Set<number>();
  #nextId = 1;

  get size(): number {
    return this.#open.size;
  }

  /** Whether a new connection should take over before ids run out. */
  get worn(): boolean {
    return this.#nextId > LAST_ID;
  }

  nextId(): number {
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  get(id: number): OwnStream | undefined {
    return this.#open.get(id);
  }

  /** In order of age. */
  all(): OwnStream[] {
    return [...this.#open.values()];
  }

  add(stream: OwnStream): void {
    this.#open.set(stream.id, stream);
  }

  remove(stream: OwnStream, reset: boolean): void {
    this.#open.delete(stream.id);
    if (!reset) return;
    this.#resets.add(stream.id);
    if (this.#resets.size > MAX_RESETS) this.#resets.delete(this.#resets.values().next().value!);
  }

  /** Whether this id was never used, on either side. */
  isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.#nextId;
  }

  /** Whether we reset it lately: what the peer sent before it knew is dropped. */
  wasReset(id: number): boolean {
    return this.#resets.has(id);
  }
}
