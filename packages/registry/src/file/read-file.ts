import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

/** The text of a regular file. Throws as {@link readRegularBytes} does. */
export async function readRegularFile(
  path: string,
  maxBytes: number,
  wanted?: (found: Stats) => boolean,
): Promise<string | undefined> {
  return (await readRegularBytes(path, maxBytes, wanted))?.toString('utf8');
}

/**
 * The bytes of a regular file; undefined if `wanted` rejects the file by its stats, before anything is read.
 * Throws for a path that is not a regular file, because a pipe or a device may never end, and for more than `maxBytes`.
 */
export async function readRegularBytes(
  path: string,
  maxBytes: number,
  wanted: (found: Stats) => boolean = () => true,
): Promise<Buffer | undefined> {
  // Without O_NONBLOCK, opening a pipe without a writer would block one of Node's few threads.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!wanted(found)) return undefined;
    if (!found.isFile()) throw new Error(`${path} is no regular file`);
    if (found.size > maxBytes) throw tooLarge(path, found.size, maxBytes);
    const parts: Buffer[] = [];
    let bytes = 0;
    // The size may be wrong for a file that grows, and for files of the kernel.
    for (let room = found.size + 1; ; room = 64 * 1024) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(room), 0, room);
      if (bytesRead === 0) return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts.push(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
      if (bytes > maxBytes) throw tooLarge(path, bytes, maxBytes);
    }
  } finally {
    await file.close();
  }
}

function tooLarge(path: string, bytes: number, maxBytes: number): Error {
  return new Error(`${path}: ${bytes} bytes are more than the limit of ${maxBytes}`);
}
