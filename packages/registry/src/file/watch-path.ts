import { type FSWatcher, watch } from 'node:fs';
import type { WakeFlag } from '@podwire/core';

/**
 * Raises `wake` when something under a directory changes. Notices of the file system may get lost (network file systems, a
 * directory that was replaced as a whole), so the caller also looks by itself now and then.
 */
export function watchPath(directory: string, wake: WakeFlag): { close(): void } {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(directory, { persistent: false }, () => wake.raise());
    watcher.on('error', () => watcher?.close());
  } catch {
    // The directory does not exist yet, or the system allows no more watches: looking now and then must do.
  }
  return { close: () => watcher?.close() };
}
