import { ErrorCode } from '../error-codes.ts';
import type { Stream } from '../transport.ts';

/** The streams of one connection that are no calls: watches of health and of load. */
export class BackgroundStreams {
  readonly #open = new Set<Stream>();

  get size(): number {
    return this.#open.size;
  }

  /** Whether one more would leave a place for a call. */
  fit(maxConcurrentStreams: number): boolean {
    return this.#open.size + 1 < maxConcurrentStreams;
  }

  add(stream: Stream): void {
    this.#open.add(stream);
  }

  /** A stream ended, perhaps one that is a call. */
  delete(stream: Stream): void {
    this.#open.delete(stream);
  }

  /** Cancels the newest until a place for a call is left. */
  makeRoom(maxConcurrentStreams: number): void {
    for (const stream of [...this.#open].slice(Math.max(0, maxConcurrentStreams - 1))) this.#cancel(stream);
  }

  cancelAll(): void {
    this.makeRoom(0);
  }

  #cancel(stream: Stream): void {
    this.#open.delete(stream);
    stream.cancel(ErrorCode.CANCEL);
  }
}
