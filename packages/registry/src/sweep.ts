import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes the files of a directory that have such a name and were not written to for so long: a killed process left them. */
export async function sweep(
  directory: string,
  name: RegExp,
  untouchedMs: number,
  wallMs: number,
): Promise<void> {
  for (const found of await readdir(directory).catch(() => [])) {
    if (!name.test(found)) continue;
    const file = join(directory, found);
    const sinceMs = await stat(file).then(
      ({ mtimeMs }) => wallMs - mtimeMs,
      () => 0,
    );
    if (sinceMs > untouchedMs) await rm(file, { force: true }).catch(() => {});
  }
}
