import type { Clock, Timer } from '@podwire/core';
import type { Endpoint } from '../endpoint.ts';
import { sweep } from '../sweep.ts';
import { Coalescer } from './coalescer.ts';
import { DRAFT, readSnapshot, snapshotPath, writeSnapshot } from './snapshot-file.ts';

/** A set that keeps changing is written at most this often. */
const WRITE_MS = 1_000;
/** A set that does not change is written again, so that its age tells when it was last known to be right. */
const REFRESH_MS = 60 * 60 * 1_000;
/** A draft this old was left by a process that was killed. */
const DRAFT_MAX_MS = 60 * 60 * 1_000;

export interface SnapshotOptions {
  readonly directory: string;
  readonly key: string;
  /** Older snapshots are not used. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  /** Whether the registry still confirms its last set. */
  readonly isCurrent: () => boolean;
  /** Called after every write, with the error if it failed: a full disk must not stop calls. */
  readonly onWritten: (error: Error | undefined) => void;
}

/** The last good set of one service on disk, for a start while the registry is down. */
export class Snapshot {
  readonly #options: SnapshotOptions;
  readonly #path: string;
  readonly #writes: Coalescer;
  #endpoints: readonly Endpoint[] = [];
  #refresh: Timer | undefined;
  #writing = false;
  #again = false;
  #closed = false;
  #swept = false;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#path = snapshotPath(options.directory, options.key);
    this.#writes = new Coalescer(options.clock, WRITE_MS, () => void this.#write());
  }

  load(): { readonly endpoints: readonly Endpoint[]; readonly ageMs: number } | undefined {
    const { key, maxAgeMs, clock } = this.#options;
    const stored = readSnapshot(this.#path, key);
    if (stored === undefined) return undefined;
    const ageMs = clock.wallMs() - stored.savedMs;
    // A time in the future means that the clock was wrong then or is wrong now, so the snapshot's age is unknown.
    if (Math.abs(ageMs) > maxAgeMs) return undefined;
    return { endpoints: stored.endpoints, ageMs: Math.max(ageMs, 0) };
  }

  save(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    this.#writes.request();
  }

  /** Writes a pending snapshot now. */
  close(): void {
    this.#writes.flush();
    this.#closed = true;
    this.#refresh?.cancel();
  }

  async #write(): Promise<void> {
    this.#again = true;
    if (this.#writing) return;
    this.#writing = true;
    while (this.#again) {
      this.#again = false;
      this.#options.onWritten(await this.#writeOnce());
    }
    this.#writing = false;
    this.#planRefresh();
    if (this.#swept) return;
    this.#swept = true;
    await sweep(this.#options.directory, DRAFT, DRAFT_MAX_MS, this.#options.clock.wallMs());
  }

  async #writeOnce(): Promise<Error | undefined> {
    const { key, clock } = this.#options;
    try {
      await writeSnapshot(this.#path, key, { endpoints: this.#endpoints, savedMs: clock.wallMs() });
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #planRefresh(): void {
    this.#refresh?.cancel();
    if (this.#closed) return;
    this.#refresh = this.#options.clock.after(REFRESH_MS, () => {
      if (this.#options.isCurrent()) this.#writes.request();
      else this.#planRefresh();
    });
  }
}
