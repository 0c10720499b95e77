import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { type Endpoint, sameEndpoint } from '../endpoint.ts';
import type { RegistryUpdate } from '../registry.ts';
import { Bell, pause } from '../wait.ts';
import { type Lease, MAX_LEASE_BYTES, mayRun, readLease, serviceDirectory } from './lease.ts';
import { readRegularFile } from './read-file.ts';
import { watchPath } from './watch-path.ts';

/** More leases than this in one directory are not looked at. */
const MAX_LEASES = 10_000;
/** Renewals of many providers come all the time; looking through them all takes a fifth of it at most. */
const REST = 4;

/** Yields the Pods that hold a lease in a directory, each time that changes. */
export async function* watchLeases(
  directory: string,
  service: string,
  clock: Clock,
  pollMs: number,
  signal: AbortSignal,
): AsyncGenerator<RegistryUpdate> {
  const path = serviceDirectory(directory, service);
  // Made here too: a consumer may be the first, and what does not exist cannot be watched.
  await mkdir(path, { recursive: true });
  const bell = new Bell();
  const watcher = watchPath(path, bell);
  let previous: ReadonlyMap<string, Endpoint> | undefined;
  let seen: Terms = new Map();
  let told = '';
  try {
    while (!signal.aborted) {
      const startedMs = clock.nowMs();
      const { endpoints, dropped, terms } = await readLeases(path, clock, seen);
      seen = terms;
      const tookMs = clock.nowMs() - startedMs;
      const complaints = dropped.join('\n');
      if (previous === undefined || complaints !== told || !sameEndpoints(previous, endpoints)) {
        previous = endpoints;
        told = complaints;
        yield { type: 'reset', endpoints: [...endpoints.values()], dropped };
      }
      if (tookMs > 0) await pause(clock, Math.min(tookMs * REST, pollMs), signal);
      await bell.wait(clock, pollMs, signal);
    }
  } finally {
    watcher.close();
  }
}

/**
 * By file, the last good lease, and until when it lasts on the clock that nobody sets. Were the wall clock asked each time, all
 * leases would be over when it is set ahead, until the last provider has renewed its own.
 */
type Terms = ReadonlyMap<string, { readonly lease: Lease; readonly untilMs: number }>;

async function readLeases(
  path: string,
  clock: Clock,
  seen: Terms,
): Promise<{ endpoints: ReadonlyMap<string, Endpoint>; dropped: string[]; terms: Terms }> {
  const endpoints = new Map<string, Endpoint>();
  const terms = new Map<string, { lease: Lease; untilMs: number }>();
  const dropped: string[] = [];
  const names = (await readdir(path)).filter((name) => name.endsWith('.json')).sort();
  if (names.length > MAX_LEASES)
    dropped.push(`${path}: ${names.length - MAX_LEASES} leases over ${MAX_LEASES}`);
  for (const name of names.slice(0, MAX_LEASES)) {
    let term = seen.get(name);
    try {
      const text = await readRegularFile(join(path, name), MAX_LEASE_BYTES);
      const lease = readLease(text!, name, clock.wallMs());
      const isKnown = term?.lease.expiresMs === lease.expiresMs;
      const untilMs = isKnown ? term!.untilMs : clock.nowMs() + lease.expiresMs - clock.wallMs();
      term = { lease, untilMs };
    } catch (error) {
      // Withdrawn between two system calls.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      dropped.push((error as Error).message);
      // What cannot be read, or is half written, takes nothing away from the lease that was there.
      if (term === undefined) continue;
    }
    terms.set(name, term);
    if (clock.nowMs() < term.untilMs && mayRun(term.lease)) {
      endpoints.set(term.lease.endpoint.id, term.lease.endpoint);
    }
  }
  return { endpoints, dropped, terms };
}

function sameEndpoints(a: ReadonlyMap<string, Endpoint>, b: ReadonlyMap<string, Endpoint>): boolean {
  if (a.size !== b.size) return false;
  for (const [id, endpoint] of a) {
    const other = b.get(id);
    if (other === undefined || !sameEndpoint(endpoint, other)) return false;
  }
  return true;
}
