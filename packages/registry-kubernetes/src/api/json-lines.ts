import { BrokenAnswer } from './error.ts';

/**
 * One object of the watch is one line. etcd refuses objects over 1.5 MB, which are at most a few times as large in JSON;
 * a longer line is not an object of the API.
 */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Cuts a stream into lines of bounded length, whatever the chunks they come in. */
export class JsonLines {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** The objects that `chunk` completes. Throws {@link BrokenAnswer} for a line that is too long or not JSON. */
  *push(chunk: Buffer): Generator<unknown> {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const line = this.#complete(chunk.subarray(from, at));
      from = at + 1;
      if (line.length > 0) yield parse(line);
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  /** Whether a line has begun and not ended. */
  get broken(): boolean {
    return this.#bytes > 0;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_LINE_BYTES) {
      throw new BrokenAnswer(`the watch sent a line of more than ${MAX_LINE_BYTES} bytes`);
    }
    this.#parts.push(part);
  }

  #complete(part: Buffer): string {
    if (this.#bytes === 0) return part.toString('utf8');
    this.#keep(part);
    const line = Buffer.concat(this.#parts, this.#bytes).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new BrokenAnswer(`the watch sent a line of ${line.length} characters that is no JSON`);
  }
}
