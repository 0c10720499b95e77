import { createReadStream } from 'node:fs';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * What a file of credentials holds. They are replaced while we run, and what stands in their place may be anything, such as a
 * device without end. Throws an `Error` that says `what` cannot be read, and why.
 */
export async function readBounded(path: string, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: MAX_BYTES })) chunks.push(chunk);
  } catch (error) {
    throw new Error(`cannot read ${what}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
  const all = Buffer.concat(chunks);
  if (all.length > MAX_BYTES) throw new Error(`cannot read ${what}: it is larger than ${MAX_BYTES} bytes`);
  return all;
}

/** Whether a file was not there at all. */
export function isAbsent(error: unknown): boolean {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
