import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * What a file of credentials holds. They are replaced while we run, and what stands in their place may be anything, such as a
 * device without end or a pipe without a writer. Throws an `Error` that says `what` cannot be read, and why.
 */
export async function readBounded(path: string, what: string): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, to open a pipe would wait for its writer, in one of Node's few threads.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw new Error('it is no regular file');
    const chunks: Buffer[] = [];
    for await (const chunk of file.createReadStream({ end: MAX_BYTES, autoClose: false })) chunks.push(chunk);
    const all = Buffer.concat(chunks);
    if (all.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return all;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`cannot read ${what}: ${code ?? message}`, { cause: error });
  } finally {
    await file?.close();
  }
}

/** Whether a file was not there at all. */
export function isAbsent(error: unknown): boolean {
  const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
  return cause?.code === 'ENOENT';
}
