import { ErrorCode } from '../../error-codes.ts';
import { ConnectionError } from '../frames/connection-error.ts';
import { DEFAULT_WINDOW_BYTES } from '../frames/settings.ts';
import { Bandwidth } from './bandwidth.ts';

/** Of a connection, to begin with: its streams share it. */
const MIN_WINDOW_BYTES = 1024 * 1024;

/**
 * The receive window of a connection. All that arrives is given back at once: what a caller does not read is held
 * back by the window of its stream, and must not stop the other streams.
 */
export class ReceiveWindow {
  readonly bandwidth = new Bandwidth();
  #target = DEFAULT_WINDOW_BYTES;
  #left = DEFAULT_WINDOW_BYTES;

  /** Takes DATA from the window. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the connection window allows');
    }
    if (this.bandwidth.measuring) this.bandwidth.onBytes(bytes);
  }

  /** What to give back now, once it is worth a frame; 0 before. */
  refill(): number {
    const missing = this.#target - this.#left;
    if (missing * 4 < this.#target) return 0;
    this.#left = this.#target;
    return missing;
  }

  /** Follows the windows of the streams; returns the increase to tell the peer. */
  grow(): number {
    const before = this.#target;
    this.#target = Math.max(MIN_WINDOW_BYTES, 2 * this.bandwidth.windowBytes);
    this.#left += this.#target - before;
    return this.#target - before;
  }
}
