import { statSync } from 'node:fs';
import { type Clock, checkKeys, InvalidInput, systemClock } from '@podwire/core';
import type { Registry } from '../registry.ts';
import { watchDocument } from './document-watch.ts';
import { watchLeases } from './lease-watch.ts';

/** How documents and leases are read. Times in milliseconds. */
export interface FileRegistryOptions {
  /** How often to look even if the file system gave no notice. Default 1000. */
  readonly pollMs?: number;
  /** Default: the real one. */
  readonly clock?: Clock;
}

/**
 * Pods from a YAML or JSON document, or from a directory in which providers announce themselves with a lease. A path
 * that ends in `/`, or that is a directory now, is a directory of leases.
 */
export function fileRegistry(path: string, options: FileRegistryOptions = {}): Registry {
  checkKeys(options, ['pollMs', 'clock'], 'options');
  const { pollMs = 1_000, clock = systemClock } = options;
  if (typeof path !== 'string' || path === '')
    throw new InvalidInput('path', path, 'must be the path of a file or directory');
  if (!(pollMs >= 10)) throw new InvalidInput('options.pollMs', pollMs, 'must be 10 or more');
  return {
    scheme: 'file',
    source: 'registry',
    watch(service, { signal }) {
      const watch = isDirectory(path) ? watchLeases : watchDocument;
      return watch(path, service, clock, pollMs, signal);
    },
  };
}

function isDirectory(path: string): boolean {
  if (path.endsWith('/')) return true;
  try {
    return statSync(path).isDirectory();
  } catch {
    // It is not there yet, or cannot be reached: the watch will say so.
    return false;
  }
}
