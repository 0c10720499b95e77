import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, pause, WakeFlag } from '@podwire/core';
import { type Endpoint, sameEndpoint } from '../endpoint.ts';
import type { RegistryUpdate } from '../registry.ts';
import { fileSystemMs } from './file-system-time.ts';
import { type Lease, MAX_LEASE_BYTES, mayRun, readLease, serviceDirectory } from './lease.ts';
import { readRegularFile } from './read-file.ts';
import { watchPath } from './watch-path.ts';

/** More leases than this in one directory are not looked at. */
const MAX_LEASES = 10_000;
/** Renewals of many providers arrive constantly, so reading them all takes at most a fifth of the time. */
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
  // Created here, too: a directory must exist to be watched, and a consumer may start before every provider.
  await mkdir(path, { recursive: true });
  const wake = new WakeFlag();
  const watcher = watchPath(path, wake);
  const leases = new Leases(path, clock);
  let previous: ReadonlyMap<string, Endpoint> | undefined;
  let told = '';
  try {
    while (!signal.aborted) {
      const startedMs = clock.nowMs();
      const { endpoints, dropped } = await leases.read();
      const tookMs = clock.nowMs() - startedMs;
      const complaints = dropped.join('\n');
      if (previous === undefined || complaints !== told || !sameEndpoints(previous, endpoints)) {
        previous = endpoints;
        told = complaints;
        yield { type: 'reset', endpoints: [...endpoints.values()], dropped };
      }
      if (tookMs > 0) await pause(clock, Math.min(tookMs * REST, pollMs), signal);
      await wake.wait(clock, pollMs, signal);
    }
  } finally {
    watcher.close();
  }
}

/** The last good lease of a file, and until when it lasts. */
interface Term {
  readonly lease: Lease;
  /** Changes with each write of the file. */
  readonly version: string;
  /** On the monotonic clock. */
  readonly untilMs: number;
}

interface Found {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly dropped: readonly string[];
}

/**
 * The leases of a directory. A lease starts when this reader sees the write, on the reader's monotonic clock, because the clocks of
 * machines differ by seconds or hours and can be set. The time of the file system tells how long ago it was written, so that the
 * lease of a killed provider is not listed, or only for the rest of its time.
 */
class Leases {
  readonly #path: string;
  readonly #clock: Clock;
  #terms: ReadonlyMap<string, Term> = new Map();
  #isFirst = true;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async read(): Promise<Found> {
    const dropped: string[] = [];
    const names = (await readdir(this.#path)).filter((name) => name.endsWith('.json')).sort();
    if (names.length > MAX_LEASES)
      dropped.push(`${this.#path}: ${names.length - MAX_LEASES} leases over ${MAX_LEASES}`);
    // The time of a later file is compared with the directory's last change.
    const fileMs = await (this.#isFirst
      ? fileSystemMs(this.#path)
      : stat(this.#path).then(({ mtimeMs }) => mtimeMs));
    this.#isFirst = false;
    const terms = new Map<string, Term>();
    for (const name of names.slice(0, MAX_LEASES)) {
      const term = await this.#readOne(name, fileMs, dropped);
      if (term !== undefined) terms.set(name, term);
    }
    this.#terms = terms;
    return { endpoints: this.#listed(), dropped };
  }

  async #readOne(name: string, fileMs: number, dropped: string[]): Promise<Term | undefined> {
    const known = this.#terms.get(name);
    let writtenMs = 0;
    let inode = 0;
    try {
      const text = await readRegularFile(join(this.#path, name), MAX_LEASE_BYTES, ({ ino, mtimeMs }) => {
        [inode, writtenMs] = [ino, mtimeMs];
        return true;
      });
      const version = `${inode} ${writtenMs} ${text}`;
      if (known?.version === version) return known;
      const lease = readLease(text!, name, writtenMs);
      // Usually 0, but this process may have been suspended, or started later.
      const agoMs = Math.max(0, fileMs - writtenMs);
      return { lease, version, untilMs: this.#clock.nowMs() + lease.leaseMs - agoMs };
    } catch (error) {
      // The lease was withdrawn between two system calls.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      dropped.push((error as Error).message);
      // A file that cannot be read, or is half written, leaves the earlier lease in force.
      return known;
    }
  }

  /** An address is listed while any of its owners holds a lease, and serves while any of them serves. */
  #listed(): ReadonlyMap<string, Endpoint> {
    const nowMs = this.#clock.nowMs();
    const endpoints = new Map<string, Endpoint>();
    for (const { lease, untilMs } of this.#terms.values()) {
      if (nowMs >= untilMs || !mayRun(lease)) continue;
      const { endpoint } = lease;
      const other = endpoints.get(endpoint.id);
      if (other === undefined || goesBefore(endpoint, other)) endpoints.set(endpoint.id, endpoint);
    }
    return endpoints;
  }
}

/** Compares the leases' content, not the times of writing, which change with each renewal. */
function goesBefore(one: Endpoint, other: Endpoint): boolean {
  if (one.phase !== other.phase) return one.phase === 'serving';
  return one.weight > other.weight;
}

function sameEndpoints(a: ReadonlyMap<string, Endpoint>, b: ReadonlyMap<string, Endpoint>): boolean {
  if (a.size !== b.size) return false;
  for (const [id, endpoint] of a) {
    const other = b.get(id);
    if (other === undefined || !sameEndpoint(endpoint, other)) return false;
  }
  return true;
}
