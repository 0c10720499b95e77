import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_LEASE_MS } from './lease.ts';

/** Files that are written to no more: leases that were not withdrawn, and drafts of them. */
const UNTOUCHED_MS = 2 * MAX_LEASE_MS;

/**
 * Removes what killed providers left: ports and addresses are new each time, and a directory would fill up until the leases
 * of those that live are not looked at. By their age alone; a provider that lives renews its lease three times in its time.
 */
export async function sweepLeases(directory: string, wallMs: number): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!/\.json(\.[0-9a-f-]{36})?$/.test(name)) continue;
    const file = join(directory, name);
    const untouchedMs = await stat(file).then(
      ({ mtimeMs }) => wallMs - mtimeMs,
      () => 0,
    );
    if (untouchedMs > UNTOUCHED_MS) await rm(file, { force: true }).catch(() => {});
  }
}
