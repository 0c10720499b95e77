import { receiveBudget, SMALLEST_WINDOW_BYTES } from '../../connection/receive-budget.ts';
import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from '../frames/connection-error.ts';
import type { Growing } from './bandwidth.ts';
import type { Inflow } from './inflow.ts';
import type { Sender } from './sender.ts';

/** The window is returned in quarters; a stream is measured only after it has received a whole window. */
const UPDATES_PER_WINDOW = 4;
/** The most of one message that the peer may send ahead. */
const MAX_ALLOWED_BYTES = 16 * 1024 * 1024;

/** The parts of a connection that a stream's window needs. */
export interface WindowHost {
  readonly sender: Sender;
  readonly inflow: Inflow;
}

/**
 * The receive window of a stream: the bytes that the peer may still send, that wait for the caller, and that were freed but not returned
 * yet. The last number is negative after the rest of a long message was allowed at once. It is a base class, so that a call needs no
 * further object.
 */
export abstract class Windowed implements Growing {
  readonly id: number;
  ended = false;
  windowBytes: number;
  readonly #host: WindowHost;
  #allowedBytes: number;
  #heldBytes = 0;
  #freedBytes = 0;
  /** The part of `heldBytes` that the connection was told about. */
  #toldBytes = 0;
  #grownBytes = 0;
  /** How often bytes were returned since the window was last measured. */
  #updates = 0;

  constructor(host: WindowHost, id: number) {
    this.#host = host;
    this.id = id;
    this.windowBytes = host.inflow.streamWindow;
    this.#allowedBytes = this.windowBytes;
  }

  /** The bytes still missing of the message that the caller waits for; 0 if none of it has arrived, or if the caller does not wait. */
  protected abstract get missingBytes(): number;
  /** Whether the peer may send more. */
  protected abstract get isOpen(): boolean;

  /** The bytes that the peer, as far as it knows, may still send. */
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
    // End the connection, because a peer that ignores a stream's window would ignore its reset too.
    if (bytes > 0 && this.#allowedBytes < -this.#host.inflow.graceBytes) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the window of a stream allows');
    }
    this.#heldBytes += bytes;
  }

  /** Frees the received bytes, unless they are `held` for a caller that does not read. */
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

  /** Returns freed bytes to the peer's window, once they are worth a frame. */
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
   * The window that the peer lacks to send the rest of the message that the caller waits for, as in grpc-go (`maybeAdjust`). With it, even
   * a small window costs a message at most one more round trip.
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
