import { type FSWatcher, watch } from 'node:fs';
import type { WakeFlag } from '@podwire/core';

/**
 * Rings when something under a directory changes. The file system's own notices get lost (network file systems, a
 * directory replaced as a whole), so a caller looks by itself now and then as well.
 */
export function watchPath(directory: string, wake: WakeFlag): { close(): void } {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(directory, { persistent: false }, () => wake.raise());
    watcher.on('error', () => watcher?.close());
  } catch {
    // No such directory yet, or no more watches: looking now and then must do.
  }
  return { close: () => watcher?.close() };
}
