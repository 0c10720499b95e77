import { dirname } from 'node:path';
import { type Clock, Turns, WakeFlag } from '@podwire/core';
import type { RegistryUpdate } from '../registry.ts';
import { DocumentReader, MAX_DOCUMENT_BYTES } from './document.ts';
import { readRegularBytes } from './read-file.ts';
import { watchPath } from './watch-path.ts';

/**
 * Yields the Pods of a service in one document each time it changes. A document that can't be used is a `problem`. Throws when
 * there is a directory in its place: the next watch looks for leases there.
 */
export async function* watchDocument(
  path: string,
  service: string,
  clock: Clock,
  pollMs: number,
  signal: AbortSignal,
): AsyncGenerator<RegistryUpdate> {
  const wake = new WakeFlag();
  // Watches the directory, because editors, `mv` and Kubernetes replace the file or a link above it.
  const watcher = watchPath(dirname(path), wake);
  let seen: string | undefined;
  const reader = new DocumentReader(service);
  try {
    while (!signal.aborted) {
      const found = await readIfChanged(path, seen);
      if (found !== undefined) {
        seen = found.stamp;
        const turns = new Turns(clock, signal);
        yield await toUpdate(found, path, service, turns, reader);
      }
      await wake.wait(clock, pollMs, signal);
    }
  } finally {
    watcher.close();
  }
}

class BecameDirectory extends Error {}

interface Found {
  /** Differs between two versions of the file. */
  readonly stamp: string;
  readonly bytes?: Buffer;
  readonly problem?: string;
}

async function readIfChanged(path: string, seen: string | undefined): Promise<Found | undefined> {
  let stamp: string | undefined;
  try {
    const bytes = await readRegularBytes(path, MAX_DOCUMENT_BYTES, (found) => {
      if (found.isDirectory()) throw new BecameDirectory(`${path} became a directory`);
      const { ino, size, mtimeMs, ctimeMs } = found;
      stamp = `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
      return stamp !== seen;
    });
    return bytes === undefined ? undefined : { stamp: stamp!, bytes };
  } catch (error) {
    if (error instanceof BecameDirectory) throw error;
    const problem = (error as Error).message;
    stamp ??= problem;
    return stamp === seen ? undefined : { stamp, problem };
  }
}

async function toUpdate(
  found: Found,
  path: string,
  service: string,
  turns: Turns,
  reader: DocumentReader,
): Promise<RegistryUpdate> {
  if (found.bytes === undefined) return { type: 'problem', reason: found.problem! };
  try {
    const endpoints = await reader.read(found.bytes, turns);
    return endpoints === undefined
      ? { type: 'missing', reason: `${path} does not name the service '${service}'` }
      : { type: 'reset', endpoints };
  } catch (error) {
    return { type: 'problem', reason: `${path}: ${(error as Error).message}` };
  }
}
