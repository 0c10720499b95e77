import type { Clock } from '@podwire/core';
import type { Dice } from '../dice.ts';
import type { Way } from './link.ts';

/** The buffers of both kernels together, for one direction of a connection. */
const BUFFER_BYTES = 64 * 1024;

/** The reading end of a pipe. */
export interface PipeReader {
  /** Whether its process reads; it calls `resume` of the pipe when it does again. */
  readonly reads: boolean;
  /** The reader's process runs `fn` when it looks at its sockets. */
  onPoll(delayMs: number, fn: () => void): void;
  onBytes(bytes: Buffer): void;
  onEnd(): void;
}

/** Bytes under way, or the end of the stream. */
interface Segment {
  readonly atMs: number;
  readonly bytes: Buffer | undefined;
}

/** One direction of a TCP connection: bytes arrive in order, cut anywhere, and the buffers in between are bounded. */
export class Pipe {
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #way: Way;
  /** Acknowledgements come by this way. */
  readonly #back: Way;
  readonly #reader: PipeReader;
  readonly #cutPercent: number;
  /** Bytes that the kernels have and the reader has not. */
  #held = 0;
  /** What the sender's kernel does not take yet, with the function to call when it does. */
  readonly #refused: { readonly bytes: Buffer; readonly taken: () => void }[] = [];
  readonly #underWay: Segment[] = [];
  /** What arrived while the reader did not read. */
  #unread: Segment[] = [];
  #lastArrivalMs = 0;
  /** Whether the first segment waits for the way to be open again. */
  #isHeldUp = false;
  #isBroken = false;
  #ends = false;

  /** `cutPercent`: so many of a hundred pieces arrive in two. */
  constructor(clock: Clock, dice: Dice, way: Way, back: Way, reader: PipeReader, cutPercent: number) {
    this.#clock = clock;
    this.#dice = dice;
    this.#way = way;
    this.#back = back;
    this.#reader = reader;
    this.#cutPercent = cutPercent;
  }

  /** Whether bytes have arrived that nothing has read: a process that dies then resets its connections. */
  get hasUnread(): boolean {
    return this.#unread.length > 0;
  }

  /** Whether the kernel took the bytes at once; else it calls `taken` when it does. */
  write(bytes: Buffer, taken: () => void): boolean {
    if (this.#refused.length > 0 || !this.#hasRoomFor(bytes)) {
      this.#refused.push({ bytes, taken });
      return false;
    }
    this.#send(bytes);
    return true;
  }

  /** The sender ends its side: the reader learns of it after all bytes. */
  end(): void {
    if (this.#ends) return;
    this.#ends = true;
    if (this.#refused.length === 0) this.#carry(undefined);
  }

  /** Nothing arrives any more. */
  break(): void {
    this.#isBroken = true;
    this.#refused.length = 0;
    this.#underWay.length = 0;
    this.#unread = [];
  }

  /** The reader reads again. */
  resume(): void {
    this.#reader.onPoll(0, () => {
      const unread = this.#unread;
      this.#unread = [];
      for (const segment of unread) this.#deliver(segment);
    });
  }

  /** A piece larger than all buffers goes when they are empty. */
  #hasRoomFor(bytes: Buffer): boolean {
    return this.#held === 0 || this.#held + bytes.length <= BUFFER_BYTES;
  }

  #send(bytes: Buffer): void {
    this.#held += bytes.length;
    if (this.#cutPercent > 0 && bytes.length > 1 && this.#dice.percent(this.#cutPercent)) {
      const at = this.#dice.from(1, bytes.length - 1);
      this.#carry(bytes.subarray(0, at));
      this.#carry(bytes.subarray(at));
    } else this.#carry(bytes);
  }

  #carry(bytes: Buffer | undefined): void {
    const nowMs = this.#clock.nowMs();
    const atMs = Math.max(this.#lastArrivalMs, nowMs + this.#way.delayMs(bytes?.length ?? 0));
    this.#lastArrivalMs = atMs;
    this.#underWay.push({ atMs, bytes });
    this.#reader.onPoll(atMs - nowMs, this.#arrive);
  }

  /** Takes what has arrived by now. */
  readonly #arrive = (): void => {
    if (this.#isHeldUp) return;
    if (this.#way.isCut) {
      this.#isHeldUp = true;
      return this.#way.reliable(() => {
        this.#isHeldUp = false;
        this.#reader.onPoll(0, this.#arrive);
      });
    }
    const nowMs = this.#clock.nowMs();
    while (!this.#isBroken && this.#underWay.length > 0 && this.#underWay[0]!.atMs <= nowMs)
      this.#deliver(this.#underWay.shift()!);
  };

  #deliver(segment: Segment): void {
    if (this.#isBroken) return;
    const { bytes } = segment;
    if (!this.#reader.reads || this.#unread.length > 0) {
      this.#unread.push(segment);
      return;
    }
    if (bytes === undefined) return this.#reader.onEnd();
    this.#back.reliable(() => this.#onRead(bytes.length));
    this.#reader.onBytes(bytes);
  }

  /** The sender's kernel learns that the reader has them. */
  #onRead(count: number): void {
    this.#held -= count;
    while (this.#refused.length > 0 && this.#hasRoomFor(this.#refused[0]!.bytes)) {
      const { bytes, taken } = this.#refused.shift()!;
      this.#send(bytes);
      taken();
      if (this.#ends && this.#refused.length === 0) this.#carry(undefined);
    }
  }
}
