import { dirname } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { RegistryUpdate } from '../registry.ts';
import { Bell, Turns } from '../wait.ts';
import { MAX_DOCUMENT_BYTES, readDocument } from './document.ts';
import { readRegularFile } from './read-file.ts';
import { watchPath } from './watch-path.ts';

/** Yields the Pods of a service in one document each time it changes. A document that can't be used is a `problem`. */
export async function* watchDocument(
  path: string,
  service: string,
  clock: Clock,
  pollMs: number,
  signal: AbortSignal,
): AsyncGenerator<RegistryUpdate> {
  const bell = new Bell();
  // The directory, because editors, `mv` and Kubernetes replace the file or a link above it.
  const watcher = watchPath(dirname(path), bell);
  let seen: string | undefined;
  let known: ReadonlyMap<string, Endpoint> | undefined;
  try {
    while (!signal.aborted) {
      const found = await readIfChanged(path, seen);
      if (found !== undefined) {
        seen = found.stamp;
        const turns = new Turns(clock, signal);
        const { update, endpoints } = await toUpdate(found, path, service, turns, known);
        known = endpoints;
        yield update;
      }
      await bell.wait(clock, pollMs, signal);
    }
  } finally {
    watcher.close();
  }
}

interface Found {
  /** What tells one version of the file from another. */
  readonly stamp: string;
  readonly text?: string;
  readonly problem?: string;
}

async function readIfChanged(path: string, seen: string | undefined): Promise<Found | undefined> {
  let stamp: string | undefined;
  try {
    const text = await readRegularFile(path, MAX_DOCUMENT_BYTES, ({ ino, size, mtimeMs, ctimeMs }) => {
      stamp = `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
      return stamp !== seen;
    });
    return text === undefined ? undefined : { stamp: stamp!, text };
  } catch (error) {
    const problem = (error as Error).message;
    stamp ??= problem;
    return stamp === seen ? undefined : { stamp, problem };
  }
}

/** What a document says, and the endpoints that the next one is compared with. */
async function toUpdate(
  found: Found,
  path: string,
  service: string,
  turns: Turns,
  known: ReadonlyMap<string, Endpoint> | undefined,
): Promise<{ update: RegistryUpdate; endpoints: ReadonlyMap<string, Endpoint> | undefined }> {
  const problem = (reason: string) => ({ update: { type: 'problem' as const, reason }, endpoints: known });
  if (found.text === undefined) return problem(found.problem!);
  try {
    const endpoints = await readDocument(found.text, service, turns, known);
    if (endpoints !== undefined) {
      return { update: { type: 'reset', endpoints: [...endpoints.values()] }, endpoints };
    }
    return {
      update: { type: 'missing', reason: `${path} does not name the service '${service}'` },
      endpoints,
    };
  } catch (error) {
    return problem(`${path}: ${(error as Error).message}`);
  }
}
