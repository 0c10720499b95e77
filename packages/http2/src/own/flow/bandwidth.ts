import { receiveBudget } from '../../connection/receive-budget.ts';
import type { Pings } from '../pings.ts';

/** As grpc-go's estimator, which stops at 16 MiB. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

/** A stream whose receive window may grow. */
export interface Growing {
  readonly ended: boolean;
  readonly windowBytes: number;
  /** Also called with 0: the stream was measured, and its window is large enough or cannot grow. */
  grow(bytes: number): void;
}

/**
 * Grows a stream's receive window with the bandwidth-delay product, as grpc-go does with a connection's. It sends a PING while the
 * caller reads. If the caller reads two thirds of the window or more before the answer, the window holds the peer back and is
 * doubled. Unread bytes do not count. One stream is measured at a time.
 */
export class Bandwidth {
  readonly #pings: Pings;
  #measured: Growing | undefined;
  #sampleBytes = 0;
  /**
   * Whether DATA came since the last answer. Servers count PINGs without data of theirs in between (grpc-go ends the connection at the
   * third in a row), and callers may read data that came long ago.
   */
  hasData = false;

  constructor(pings: Pings) {
    this.#pings = pings;
  }

  /** The caller of this stream has read `bytes` and goes on reading, so the stream may be measured. */
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
