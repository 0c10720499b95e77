import type { Attempt } from './attempt.ts';

interface Outgoing {
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
  /** Runs once, when the message was first handed to a connection or the call ended. */
  written: (() => void) | undefined;
}

const NONE: readonly Outgoing[] = [];

/**
 * The messages that the caller has sent so far. They are kept until the call is committed to one attempt, so that another
 * attempt can send them again (gRFC A6, "buffering").
 */
export class RetryBuffer {
  #messages: readonly Outgoing[] = NONE;
  /** Messages that were dropped after they had been written to the committed attempt. */
  #dropped = 0;
  #committed = false;
  halfClosed = false;
  /** Size of the messages kept. */
  bytes = 0;

  /** Messages that the caller has sent. */
  get #total(): number {
    return this.#dropped + this.#messages.length;
  }

  push(bytes: Uint8Array, compressed: boolean, written: (() => void) | undefined): void {
    const message = { bytes, compressed, written };
    // An array literal of one takes an eighth of the memory of an array after a push.
    if (this.#messages === NONE) this.#messages = [message];
    else (this.#messages as Outgoing[]).push(message);
    this.bytes += bytes.length;
  }

  /**
   * Writes the messages that the attempt has not got yet. A caller that is told of room may push more meanwhile. The running loop writes
   * that as well: with a nested one, a caller that always has more would fill the stack.
   */
  pump(attempt: Attempt): void {
    const { stream } = attempt;
    if (stream === undefined || attempt.isPumped) return;
    attempt.isPumped = true;
    while (!attempt.ended && attempt.written < this.#total) {
      const message = this.#messages[attempt.written - this.#dropped]!;
      attempt.written += 1;
      const last = this.halfClosed && attempt.written === this.#total;
      // One past the end means that the half-close was sent, too.
      if (last) attempt.written += 1;
      const { written } = message;
      message.written = undefined;
      stream.sendMessage(message.bytes, message.compressed, last, written);
    }
    if (this.halfClosed && !attempt.ended && attempt.written === this.#total) {
      attempt.written += 1;
      stream.halfClose();
    }
    attempt.isPumped = false;
    if (this.#committed) this.#drop();
  }

  /** Commits the call to this attempt: messages that it was given are no longer kept. */
  commit(attempt: Attempt): void {
    this.#committed = true;
    this.pump(attempt);
  }

  /** The call ended: its messages are not needed any more. */
  release(): void {
    for (const message of this.#messages) message.written?.();
    this.#messages = NONE;
    this.bytes = 0;
  }

  #drop(): void {
    this.#dropped += this.#messages.length;
    this.#messages = NONE;
    this.bytes = 0;
  }
}
