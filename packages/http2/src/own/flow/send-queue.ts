/** A stream with messages that flow control holds back. */
export interface Sendable {
  /** False once its stream is over. */
  readonly waits: boolean;
  /** Sends one DATA frame; false when it has nothing more to send, or no window of its own. */
  sendFrame(): boolean;
}

const FIRST_SWEEP = 64;

/** Streams that take turns to send. Ended streams are dropped before the queue grows, so that it stays bounded while nothing can be sent. */
export class SendQueue {
  #streams: Sendable[] = [];
  /** Streams before this index were taken out; shifting a long array would move all the rest. */
  #head = 0;
  #sweepAt = FIRST_SWEEP;

  /** Counts ended streams that were not dropped yet, too. */
  get length(): number {
    return this.#streams.length - this.#head;
  }

  push(stream: Sendable): void {
    if (this.#streams.length >= this.#sweepAt) this.#sweep();
    this.#streams.push(stream);
  }

  shift(): Sendable | undefined {
    const stream = this.#streams[this.#head];
    if (stream === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#streams.length) this.clear();
    return stream;
  }

  clear(): void {
    this.#streams = [];
    this.#head = 0;
    this.#sweepAt = FIRST_SWEEP;
  }

  #sweep(): void {
    this.#streams = this.#streams.slice(this.#head).filter(({ waits }) => waits);
    this.#head = 0;
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#streams.length);
  }
}
