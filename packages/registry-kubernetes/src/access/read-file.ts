import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The text of a file of credentials. Such files are replaced while the process runs, possibly by something that never ends, such as a
 * device or a pipe without a writer. Throws an `Error` that says why `what` cannot be read.
 */
export async function readBounded(path: string, what: string): Promise<Buffer> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a pipe would block one of Node's few threads until a writer comes.
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
