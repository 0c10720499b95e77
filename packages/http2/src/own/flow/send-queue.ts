/** A stream with messages that flow control holds back. */
export interface Sendable {
  /** False once its stream is over. */
  readonly waits: boolean;
  /** Sends one DATA frame; false when it has nothing more to send, or no window of its own. */
  sendFrame(): boolean;
}

const FIRST_SWEEP = 64;

/** Streams that take turns to send. One that is over is dropped before the queue grows, however long nothing can be sent. */
export class SendQueue {
  #streams: Sendable[] = [];
  /** Those before it were taken out: shifting a long array moves all that is left of it. */
  #head = 0;
  #sweepAt = FIRST_SWEEP;

  /** Those that are over, and were not dropped yet, included. */
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
