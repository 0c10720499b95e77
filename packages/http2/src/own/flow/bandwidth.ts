import { receiveBudget } from '../../connection/receive-budget.ts';
import type { Pings } from '../pings.ts';

/** As grpc-go's estimator, which stops at 16 MiB. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

/** A stream whose receive window may grow. */
export interface Growing {
  readonly ended: boolean;
  readonly windowBytes: number;
  /** By 0 as well: it was measured, and its window is large enough, or there is no room for a larger one. */
  grow(bytes: number): void;
}

/**
 * Grows a stream's receive window with the bandwidth-delay product, as grpc-go does with a connection's: a PING while its caller
 * reads; when two thirds of the window or more were read before the answer, the window is what holds the peer back, and
 * doubles. Unread bytes make no window grow. One stream is measured at a time.
 */
export class Bandwidth {
  readonly #pings: Pings;
  #measured: Growing | undefined;
  #sampleBytes = 0;
  /**
   * Whether DATA came since the last answer. Servers count PINGs between which they sent nothing for a call (grpc-go's third in a row ends
   * the connection), and callers may read what came long ago.
   */
  hasData = false;

  constructor(pings: Pings) {
    this.#pings = pings;
  }

  /** The caller of this stream has read so much, and goes on: the stream may be measured. */
  onRead(stream: Growing, bytes: number): void {
    if (this.#measured === stream) this.#sampleBytes += bytes;
    else if (this.hasData && this.#measured === undefined && stream.windowBytes < MAX_WINDOW_BYTES) {
      this.#measured = stream;
      this.#sampleBytes = 0;
      this.#pings.bandwidth(() => this.#end(stream));
    }
  }

  #end(stream: Growing): void {
    this.#measured = undefined;
    this.hasData = false;
    const { ended, windowBytes } = stream;
    if (ended) return;
    const isFull = this.#sampleBytes * 3 >= windowBytes * 2;
    const target = Math.min(MAX_WINDOW_BYTES, Math.max(windowBytes * 2, this.#sampleBytes * 2));
    stream.grow(isFull ? receiveBudget.growth(target - windowBytes) : 0);
  }
}
