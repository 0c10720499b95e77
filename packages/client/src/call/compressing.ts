import { compress, compressesLater, type Encoding, ZlibJob } from '@podwire/http2';

interface Waiting {
  readonly message: Uint8Array;
  readonly compressed: boolean;
  readonly written: (() => void) | undefined;
}

/** A call's messages from the first one on that is compressed off the event loop. They keep their order. */
export class Compressing {
  readonly #encoding: Exclude<Encoding, 'identity'>;
  readonly #send: (bytes: Uint8Array, compressed: boolean, written: (() => void) | undefined) => void;
  readonly #failed: (reason: string) => void;
  #waiting: Waiting[] = [];
  #job: ZlibJob | undefined;
  /** Called once all messages were sent. */
  onEmpty: (() => void) | undefined;

  constructor(
    encoding: Exclude<Encoding, 'identity'>,
    send: (bytes: Uint8Array, compressed: boolean, written: (() => void) | undefined) => void,
    failed: (reason: string) => void,
  ) {
    this.#encoding = encoding;
    this.#send = send;
    this.#failed = failed;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  push(message: Uint8Array, compressed: boolean, written: (() => void) | undefined): void {
    this.#waiting.push({ message, compressed, written });
    if (this.#job === undefined) this.#next();
  }

  /** The call ended: the callbacks of its messages run, as if they had been sent. */
  stop(): void {
    this.#job?.cancel();
    this.#job = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.onEmpty = undefined;
    for (const { written } of waiting) written?.();
  }

  #next(): void {
    while (this.#job === undefined) {
      const first = this.#waiting[0];
      if (first === undefined) return this.onEmpty?.();
      const { message, compressed } = first;
      if (!compressed) this.#sent(first, message);
      else if (!compressesLater(message.length)) this.#sent(first, compress(message, this.#encoding));
      else this.#begin(first);
    }
  }

  #begin(first: Waiting): void {
    this.#job = ZlibJob.compress(first.message, this.#encoding, (outcome) => {
      this.#job = undefined;
      if (outcome.kind !== 'done')
        return this.#failed(outcome.kind === 'failed' ? outcome.reason : outcome.kind);
      this.#sent(first, outcome.bytes);
      this.#next();
    });
  }

  #sent({ compressed, written }: Waiting, bytes: Uint8Array): void {
    this.#waiting.shift();
    this.#send(bytes, compressed, written);
  }
}
