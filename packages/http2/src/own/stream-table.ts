import { ResetStreams } from './reset-streams.ts';
import type { OwnStream } from './stream.ts';

const FIRST_SLOTS = 16;

/**
 * The streams of one connection by id. Not a Map: V8 rebuilds a Map's table again and again as entries come and go, and each old
 * table, once it is in the old generation, keeps the garbage that it refers to alive: half of the garbage of calls was copied there.
 */
export class StreamTable {
  /** Slots by stream number, with chains. Numbers are consecutive, so only long-lived streams share a slot with others. */
  #slots: (OwnStream | undefined)[] = new Array(FIRST_SLOTS).fill(undefined);
  readonly resets: ResetStreams;
  #nextId = 1;
  size = 0;

  constructor(nowMs: () => number) {
    this.resets = new ResetStreams(nowMs);
  }

  /** How many streams were ever opened. */
  get opened(): number {
    return (this.#nextId - 1) / 2;
  }

  nextId(): number {
    const id = this.#nextId;
    this.#nextId += 2;
    return id;
  }

  get(id: number): OwnStream | undefined {
    let stream = this.#slots[this.#slotOf(id)];
    while (stream !== undefined && stream.id !== id) stream = stream.nextInTable;
    return stream;
  }

  /** In order of age. */
  all(): OwnStream[] {
    const all: OwnStream[] = [];
    for (let stream of this.#slots) {
      for (; stream !== undefined; stream = stream.nextInTable) all.push(stream);
    }
    return all.sort((a, b) => a.id - b.id);
  }

  /** False if a window would exceed the limit of RFC 9113. */
  addSendWindow(bytes: number): boolean {
    return this.all().every((stream) => stream.addSendWindow(bytes));
  }

  add(stream: OwnStream): void {
    if (this.size === this.#slots.length) this.#grow();
    this.#link(stream);
    this.size += 1;
  }

  /** `stream` must be in the table. */
  remove(stream: OwnStream, reset: boolean): void {
    const slot = this.#slotOf(stream.id);
    let before = this.#slots[slot]!;
    if (before === stream) this.#slots[slot] = stream.nextInTable;
    else {
      while (before.nextInTable !== stream) before = before.nextInTable!;
      before.nextInTable = stream.nextInTable;
    }
    stream.nextInTable = undefined;
    this.size -= 1;
    if (reset) this.resets.add(stream.id, stream.allowedBytes);
  }

  /** Whether this id was never used, on either side. */
  isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.#nextId;
  }

  #slotOf(id: number): number {
    return (id >>> 1) & (this.#slots.length - 1);
  }

  #link(stream: OwnStream): void {
    const slot = this.#slotOf(stream.id);
    stream.nextInTable = this.#slots[slot];
    this.#slots[slot] = stream;
  }

  #grow(): void {
    const all = this.all();
    this.#slots = new Array(this.#slots.length * 2).fill(undefined);
    for (const stream of all) this.#link(stream);
  }
}
