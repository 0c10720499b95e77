import { receiveBudget, SMALLEST_WINDOW_BYTES } from '../../connection/receive-budget.ts';
import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from '../frames/connection-error.ts';
import type { Growing } from './bandwidth.ts';
import type { Inflow } from './inflow.ts';
import type { Sender } from './sender.ts';

/** The window is given back in quarters: streams that received less than a whole one are not measured. */
const UPDATES_PER_WINDOW = 4;
/** So much of one message the peer may send ahead at most. */
const MAX_ALLOWED_BYTES = 16 * 1024 * 1024;

/** What a stream's window asks of its connection. */
export interface WindowHost {
  readonly sender: Sender;
  readonly inflow: Inflow;
}

/**
 * The receive window of a stream: what the peer may still send, what is held for a caller that does not read, and what was freed and
 * not given back yet. The last is negative after the rest of a long message was allowed at once. A base class, and no object of its own for
 * each call.
 */
export abstract class Windowed implements Growing {
  readonly id: number;
  ended = false;
  windowBytes: number;
  readonly #host: WindowHost;
  #allowedBytes: number;
  #heldBytes = 0;
  #freedBytes = 0;
  /** What the connection knows of `heldBytes`. */
  #toldBytes = 0;
  #grownBytes = 0;
  /** How often something was given back since the window was last measured. */
  #updates = 0;

  constructor(host: WindowHost, id: number) {
    this.#host = host;
    this.id = id;
    this.windowBytes = host.inflow.streamWindow;
    this.#allowedBytes = this.windowBytes;
  }

  /** What of the message that the caller waits for is not here yet; 0 when none of it is, or the caller waits for none. */
  protected abstract get missingBytes(): number;
  /** Whether the peer may send more. */
  protected abstract get isOpen(): boolean;

  /** What the peer may send yet, as far as it knows. */
  get allowedBytes(): number {
    return Math.max(0, this.#allowedBytes + this.#host.inflow.graceBytes);
  }

  /** Our SETTINGS moved the windows of all streams. */
  moveReceiveWindow(bytes: number): void {
    this.windowBytes += bytes;
    this.#allowedBytes += bytes;
    this.#giveBack();
  }

  grow(bytes: number): void {
    this.#updates = 0;
    if (bytes === 0) return;
    receiveBudget.grownBytes += bytes;
    this.#grownBytes += bytes;
    this.windowBytes += bytes;
    this.#allow(bytes);
  }

  /** The caller begins to read. */
  protected begin(): void {
    this.grow(this.#host.inflow.headStart());
  }

  /** Takes DATA from the window. */
  protected take(bytes: number): void {
    this.#allowedBytes -= bytes;
    // A peer that does not mind the window of a stream will not mind its end.
    if (bytes > 0 && this.#allowedBytes < -this.#host.inflow.graceBytes) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the window of a stream allows');
    }
    this.#heldBytes += bytes;
  }

  /** `held`: what was received and not freed lies there for a caller that does not read. */
  protected free(held: boolean): void {
    if (!held) {
      this.#freedBytes += this.#heldBytes;
      this.#heldBytes = 0;
    }
    if (this.#heldBytes !== this.#toldBytes) this.#tell();
    this.#giveBack();
  }

  /** The stream is over: it holds nothing, and its window is given back. */
  protected release(): void {
    this.#heldBytes = 0;
    if (this.#toldBytes !== 0) this.#tell();
    receiveBudget.grownBytes -= this.#grownBytes;
  }

  #tell(): void {
    const change = this.#heldBytes - this.#toldBytes;
    this.#toldBytes = this.#heldBytes;
    this.#host.inflow.onUnread(change);
  }

  /** Gives back to the peer's window what was freed, once it is worth a frame. */
  #giveBack(): void {
    if (this.ended || !this.isOpen) return;
    let bytes = this.#freedBytes * 4 < this.windowBytes ? 0 : this.#freedBytes;
    const missing = this.missingBytes;
    if (missing > this.#allowedBytes) {
      bytes = Math.max(bytes, this.#lacking(missing));
      this.#host.inflow.onLongMessage(missing + SMALLEST_WINDOW_BYTES);
    }
    if (bytes <= 0) return;
    this.#freedBytes -= bytes;
    this.#allow(bytes);
    this.#updates += 1;
    if (this.#updates < UPDATES_PER_WINDOW) return;
    this.#host.inflow.bandwidth.onRead(this, bytes);
  }

  /**
   * What the peer needs to send the rest of the message that the caller waits for, as in grpc-go (`maybeAdjust`): a message
   * costs one round trip more than its window at most, however small that is.
   */
  #lacking(missing: number): number {
    if (missing <= MAX_ALLOWED_BYTES) return missing - this.#allowedBytes;
    return this.#allowedBytes * 2 > MAX_ALLOWED_BYTES ? 0 : MAX_ALLOWED_BYTES - this.#allowedBytes;
  }

  #allow(bytes: number): void {
    this.#host.sender.windowUpdate(this.id, bytes);
    this.#allowedBytes += bytes;
  }
}
