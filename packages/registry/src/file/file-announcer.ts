import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { type Clock, checkKeys, InvalidInput, systemClock, type Timer } from '@podwire/core';
import { type Endpoint, toEndpoint } from '../endpoint.ts';
import type { Announcement, AnnouncementChange, Announcer } from '../registry.ts';
import { sweep } from '../sweep.ts';
import {
  leaseFile,
  MAX_LEASE_BYTES,
  MAX_LEASE_MS,
  readLease,
  serviceDirectory,
  writeLease,
} from './lease.ts';
import { readRegularFile } from './read-file.ts';

/** How leases are written. Times in milliseconds. */
export interface FileAnnouncerOptions {
  /** A provider that does not renew is gone after this. Default 10 000; from 100 to a day. */
  readonly leaseMs?: number;
  /** Default: the real one. */
  readonly clock?: Clock;
}

const DRAFT = /\.json\.[0-9a-f-]{36}$/;
const LEASE_OR_DRAFT = /\.json(\.[0-9a-f-]{36})?$/;
/** Younger files are left alone, whatever is in them. */
const UNTOUCHED_MS = 10 * 60 * 1_000;

/** Announces Pods in a directory, one file each, renewed three times per lease. */
export function fileAnnouncer(directory: string, options: FileAnnouncerOptions = {}): Announcer {
  checkKeys(options, ['leaseMs', 'clock'], 'options');
  const { leaseMs = 10_000, clock = systemClock } = options;
  if (!(leaseMs >= 100 && leaseMs <= MAX_LEASE_MS))
    throw new InvalidInput('options.leaseMs', leaseMs, `must be a number from 100 to ${MAX_LEASE_MS}`);
  return {
    async announce(service, endpoint, { signal } = {}) {
      signal?.throwIfAborted();
      const lease = new FileLease(directory, service, endpoint, leaseMs, clock);
      await lease.open();
      return lease;
    },
  };
}

class FileLease implements Announcement {
  readonly #directory: string;
  readonly #service: string;
  readonly #file: string;
  readonly #leaseMs: number;
  readonly #clock: Clock;
  #endpoint: Endpoint;
  /** The text that was written to the file last. */
  #written: string | undefined;
  #timer: Timer | undefined;
  #withdrawn = false;
  /** Writes go one after another, so that a renewal never overtakes a withdrawal. */
  #last: Promise<void> = Promise.resolve();

  constructor(directory: string, service: string, endpoint: Endpoint, leaseMs: number, clock: Clock) {
    this.#directory = directory;
    this.#service = service;
    this.#file = leaseFile(directory, service, endpoint.id, randomUUID());
    this.#leaseMs = leaseMs;
    this.#clock = clock;
    this.#endpoint = endpoint;
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  async open(): Promise<void> {
    await this.#write();
    this.#plan();
    void this.#sweep();
  }

  async update(change: AnnouncementChange): Promise<void> {
    if (this.#withdrawn)
      throw new Error(`${this.#endpoint.id} was withdrawn from ${this.#service}: announce it again`);
    checkKeys(change, ['weight', 'phase', 'attributes'], 'change');
    this.#endpoint = toEndpoint({ ...this.#endpoint, ...change }, 'change');
    await this.#write();
  }

  async withdraw(): Promise<void> {
    this.#withdrawn = true;
    this.#timer?.cancel();
    await this.#queue(async () => {
      try {
        // The file belongs to this announcement. If another process has overwritten it, it stays.
        if ((await readFile(this.#file, 'utf8')) === this.#written) await rm(this.#file, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    });
  }

  /**
   * Removes leases that were not withdrawn: each announcement has its own file, and a full directory would hide the leases of running
   * providers. Ages are measured by the file system's time, which this lease's file has: by a machine's wrong clock, leases of others
   * would be removed.
   */
  async #sweep(): Promise<void> {
    const { mtimeMs } = await stat(this.#file).catch(() => ({ mtimeMs: Number.NEGATIVE_INFINITY }));
    const directory = serviceDirectory(this.#directory, this.#service);
    await sweep(directory, LEASE_OR_DRAFT, UNTOUCHED_MS, mtimeMs, async (file, sinceMs) => {
      if (DRAFT.test(file)) return true;
      // A running provider writes three times per lease.
      const text = await readRegularFile(file, MAX_LEASE_BYTES).catch(() => '');
      try {
        return sinceMs > 2 * readLease(text!, file, mtimeMs - sinceMs).leaseMs;
      } catch {
        return sinceMs > 2 * MAX_LEASE_MS;
      }
    });
  }

  #plan(): void {
    if (this.#withdrawn) return;
    this.#timer = this.#clock.after(this.#leaseMs / 3, () => {
      // A full disk or a lost mount may recover, so the write is repeated until the lease is withdrawn.
      void this.#write().then(
        () => this.#plan(),
        () => this.#plan(),
      );
    });
  }

  #write(): Promise<void> {
    return this.#queue(async () => {
      if (this.#withdrawn) return;
      await mkdir(serviceDirectory(this.#directory, this.#service), { recursive: true });
      const draft = `${this.#file}.${randomUUID()}`;
      try {
        const text = writeLease(this.#endpoint, this.#leaseMs, this.#clock.wallMs() + this.#leaseMs);
        await writeFile(draft, text);
        await rename(draft, this.#file);
        this.#written = text;
      } catch (error) {
        // On a full disk, each attempt would otherwise leave another draft.
        await rm(draft, { force: true });
        throw error;
      }
    });
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
