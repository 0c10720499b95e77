import { createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib';
import type { Encoding } from '../transport.ts';

/** The most jobs at a time. Node has four threads for such work, on which it also resolves names and reads files. */
const MAX_RUNNING = 2;
const CHUNK_BYTES = 64 * 1024;

/** The result of a job. */
export type ZlibOutcome =
  | { readonly kind: 'done'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'failed'; readonly reason: string };

let running = 0;
/** The jobs that wait, in order of age. */
const waiting = new Set<ZlibJob>();

/**
 * Compresses or inflates one large message on a thread, so that the event loop stays free. Jobs of all calls take turns. The bytes must
 * not change until the job is done.
 */
export class ZlibJob {
  #bytes: Uint8Array | undefined;
  #engine: ReturnType<typeof createGzip> | undefined;
  readonly #make: () => ReturnType<typeof createGzip>;
  readonly #maxBytes: number;
  readonly #done: (outcome: ZlibOutcome) => void;
  readonly #pieces: Buffer[] = [];
  #size = 0;

  private constructor(
    bytes: Uint8Array,
    make: () => ReturnType<typeof createGzip>,
    maxBytes: number,
    done: (outcome: ZlibOutcome) => void,
  ) {
    this.#bytes = bytes;
    this.#make = make;
    this.#maxBytes = maxBytes;
    this.#done = done;
    waiting.add(this);
    startNext();
  }

  static compress(
    bytes: Uint8Array,
    encoding: Exclude<Encoding, 'identity'>,
    done: (outcome: ZlibOutcome) => void,
  ): ZlibJob {
    const make = encoding === 'gzip' ? createGzip : createDeflate;
    return new ZlibJob(bytes, () => make({ chunkSize: CHUNK_BYTES }), -1, done);
  }

  /** Never produces more than `maxBytes` and one chunk (-1: no limit). */
  static inflate(
    bytes: Uint8Array,
    encoding: Exclude<Encoding, 'identity'>,
    maxBytes: number,
    done: (outcome: ZlibOutcome) => void,
  ): ZlibJob {
    const make = encoding === 'gzip' ? createGunzip : createInflate;
    return new ZlibJob(bytes, () => make({ chunkSize: CHUNK_BYTES }), maxBytes, done);
  }

  /** Cancels the job: its callback will not be called. */
  cancel(): void {
    if (this.#bytes === undefined) return;
    waiting.delete(this);
    this.#stop();
    startNext();
  }

  start(): void {
    const engine = this.#make();
    this.#engine = engine;
    engine.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#size += piece.length;
      if (this.#maxBytes >= 0 && this.#size > this.#maxBytes) this.#end({ kind: 'too-large' });
    });
    engine.once('end', () => this.#end({ kind: 'done', bytes: Buffer.concat(this.#pieces, this.#size) }));
    engine.on('error', (error) => this.#end({ kind: 'failed', reason: error.message }));
    engine.end(this.#bytes);
  }

  #end(outcome: ZlibOutcome): void {
    if (this.#bytes === undefined) return;
    this.#stop();
    try {
      this.#done(outcome);
    } finally {
      startNext();
    }
  }

  #stop(): void {
    this.#bytes = undefined;
    this.#pieces.length = 0;
    if (this.#engine === undefined) return;
    running -= 1;
    this.#engine.destroy();
  }
}

function startNext(): void {
  for (const job of waiting) {
    if (running === MAX_RUNNING) return;
    waiting.delete(job);
    running += 1;
    job.start();
  }
}
