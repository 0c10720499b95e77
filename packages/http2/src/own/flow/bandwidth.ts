/** Streams start with this receive window: room for a round trip at 1 Gbit/s and 2 ms, and little to hold for a caller that does not read. */
const INITIAL_WINDOW_BYTES = 256 * 1024;
/** As grpc-go's estimator, which stops at 16 MiB. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * Grows the receive window with the bandwidth-delay product, as grpc-go does: a PING while data flows; when two
 * thirds of the window or more arrived before its answer, the window is what holds the peer back, and doubles.
 */
export class Bandwidth {
  windowBytes = INITIAL_WINDOW_BYTES;
  measuring = false;
  #sampleBytes = 0;

  /** Whether to PING now: the peer has used a good part of a window. */
  begin(): boolean {
    if (this.measuring || this.windowBytes >= MAX_WINDOW_BYTES) return false;
    this.measuring = true;
    this.#sampleBytes = 0;
    return true;
  }

  onBytes(count: number): void {
    this.#sampleBytes += count;
  }

  /** The PING was answered; returns by how much the window grows. */
  end(): number {
    this.measuring = false;
    if (this.#sampleBytes * 3 < this.windowBytes * 2) return 0;
    const before = this.windowBytes;
    this.windowBytes = Math.min(MAX_WINDOW_BYTES, Math.max(before * 2, this.#sampleBytes * 2));
    return this.windowBytes - before;
  }
}
