import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes files of killed processes from a directory: those whose name matches, that were not written to for long enough, and for
 * which `isLeft` is true. `nowMs` is the time on the clock that wrote them.
 */
export async function sweep(
  directory: string,
  name: RegExp,
  untouchedMs: number,
  nowMs: number,
  isLeft: (file: string, sinceMs: number) => Promise<boolean> = async () => true,
): Promise<void> {
  for (const found of await readdir(directory).catch(() => [])) {
    if (!name.test(found)) continue;
    const file = join(directory, found);
    const sinceMs = await stat(file).then(
      ({ mtimeMs }) => nowMs - mtimeMs,
      () => 0,
    );
    if (sinceMs <= untouchedMs || !(await isLeft(file, sinceMs))) continue;
    await rm(file, { force: true }).catch(() => {});
  }
}
