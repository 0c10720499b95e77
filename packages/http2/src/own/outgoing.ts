import { PREFIX_BYTES } from '../grpc/message-prefix.ts';
import type { Sendable } from './flow/send-queue.ts';
import type { Sender } from './flow/sender.ts';
import { MAX_WINDOW_BYTES } from './frames/settings.ts';

/** A message that flow control holds back, in whole or in part. */
interface Held {
  readonly message: Uint8Array;
  readonly compressed: boolean;
  last: boolean;
  readonly done: (() => void) | undefined;
  /** Bytes sent already, the prefix included. */
  offset: number;
}

/** Replaces a message that has left. */
const SENT: Held = { message: new Uint8Array(0), compressed: false, last: false, done: undefined, offset: 0 };

/** The sending half of a stream. */
export class Outgoing implements Sendable {
  /** Nothing may be sent any more: half-closed (or about to be), or the stream is over. */
  closed = false;
  readonly #sender: Sender;
  readonly #streamId: number;
  #window: number;
  #held: Held[] | undefined;
  /** Messages of `#held` before this index were sent; shifting a long array would move all the rest. */
  #sent = 0;
  /** Whether the sender knows that there is something to send. */
  #queued = false;

  constructor(sender: Sender, streamId: number) {
    this.#sender = sender;
    this.#streamId = streamId;
    this.#window = sender.initialWindow;
  }

  send(message: Uint8Array, compressed: boolean, last: boolean, done: (() => void) | undefined): void {
    const sender = this.#sender;
    const bytes = PREFIX_BYTES + message.length;
    if (last) this.closed = true;
    if (
      this.#held === undefined &&
      bytes <= sender.maxFrameBytes &&
      bytes <= this.#window &&
      bytes <= sender.window &&
      !sender.congested
    ) {
      this.#window -= bytes;
      sender.window -= bytes;
      sender.data(this.#streamId, message, compressed, 0, bytes, last);
      if (done !== undefined) sender.whenTaken(done);
      return;
    }
    this.#held ??= [];
    this.#held.push({ message, compressed, last, done, offset: 0 });
    this.#enqueue();
  }

  get waits(): boolean {
    return this.#held !== undefined;
  }

  /** Whether END_STREAM was sent. */
  get finished(): boolean {
    return this.closed && this.#held === undefined;
  }

  close(): void {
    this.closed = true;
    const waiting = this.#held?.at(-1);
    if (waiting === undefined) this.#sender.endStream(this.#streamId);
    else waiting.last = true;
  }

  /** False when the window would be larger than RFC 9113 §6.9.1 allows. It may be negative (§6.9.2). */
  addWindow(bytes: number): boolean {
    this.#window += bytes;
    if (this.#window > MAX_WINDOW_BYTES) return false;
    if (this.#held !== undefined) this.#enqueue();
    return true;
  }

  sendFrame(): boolean {
    const sender = this.#sender;
    const first = this.#held?.[this.#sent];
    if (first === undefined || this.#window <= 0) {
      this.#queued = false;
      return false;
    }
    const left = PREFIX_BYTES + first.message.length - first.offset;
    const count = Math.min(left, this.#window, sender.window, sender.maxFrameBytes);
    const complete = count === left;
    sender.data(this.#streamId, first.message, first.compressed, first.offset, count, complete && first.last);
    this.#window -= count;
    sender.window -= count;
    first.offset += count;
    if (complete) {
      this.#shift(this.#held!);
      if (first.done !== undefined) sender.whenTaken(first.done);
    }
    if (this.#held !== undefined && this.#window > 0) return true;
    this.#queued = false;
    return false;
  }

  #shift(held: Held[]): void {
    held[this.#sent] = SENT;
    this.#sent += 1;
    if (this.#sent === held.length) this.#held = undefined;
    else if (this.#sent * 2 < held.length) return;
    else held.splice(0, this.#sent);
    this.#sent = 0;
  }

  /** The stream is over: messages held back are dropped, and their callbacks run. */
  drop(): void {
    this.closed = true;
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    for (const { done } of held.slice(this.#sent)) if (done !== undefined) this.#sender.world.nextTick(done);
  }

  #enqueue(): void {
    if (this.#queued || this.#window <= 0) return;
    this.#queued = true;
    this.#sender.enqueue(this);
  }
}
