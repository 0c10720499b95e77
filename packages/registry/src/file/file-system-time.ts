import { randomUUID } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The file system's current time, in milliseconds since 1970. It is read from a file that is written now, because a file server
 * has its own clock. Where no file can be written, the time of the directory's last change.
 */
export async function fileSystemMs(directory: string): Promise<number> {
  const probe = join(directory, `.time-${randomUUID()}`);
  try {
    await writeFile(probe, '');
    return (await stat(probe)).mtimeMs;
  } catch {
    return (await stat(directory)).mtimeMs;
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}
