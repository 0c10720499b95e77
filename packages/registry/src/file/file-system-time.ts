import { randomUUID } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What time it is where a directory's files are, in milliseconds since 1970: as a file that is written now has it, since
 * the clock of a file server is not this machine's. Where nothing can be written, when the directory changed last.
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
