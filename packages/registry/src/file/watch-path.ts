import { type FSWatcher, watch } from 'node:fs';
import type { Bell } from '../wait.ts';

/**
 * Rings when something under a directory changes. The file system's own notices get lost (network file systems, a
 * directory replaced as a whole), so whoever uses this looks by itself now and then as well.
 */
export function watchPath(directory: string, bell: Bell): { close(): void } {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(directory, { persistent: false }, () => bell.ring());
    watcher.on('error', () => watcher?.close());
  } catch {
    // No such directory yet, or no more watches: looking now and then must do.
  }
  return { close: () => watcher?.close() };
}
