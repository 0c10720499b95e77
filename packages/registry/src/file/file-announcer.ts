import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import type { Clock, Timer } from '../clock.ts';
import { type Endpoint, InvalidInput, toEndpoint } from '../endpoint.ts';
import { checkKeys } from '../nearest.ts';
import type { Announcement, AnnouncementChange, Announcer } from '../registry.ts';
import { sweep } from '../sweep.ts';
import { systemClock } from '../system-clock.ts';
import { leaseFile, MAX_LEASE_MS, serviceDirectory, writeLease } from './lease.ts';

export interface FileAnnouncerOptions {
  /** A provider that does not renew is gone after this. Default 10 000; from 100 to a day. */
  readonly leaseMs?: number;
  readonly clock?: Clock;
}

const LEASE_OR_DRAFT = /\.json(\.[0-9a-f-]{36})?$/;
/**
 * Leases that were not withdrawn: ports and addresses are new each time, and a directory would fill up until the leases of those
 * that live are not looked at. A provider that lives renews its lease three times in its time.
 */
const UNTOUCHED_MS = 2 * MAX_LEASE_MS;

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
  #timer: Timer | undefined;
  #withdrawn = false;
  /** Writes go one after another, so that a renewal never overtakes a withdrawal. */
  #last: Promise<void> = Promise.resolve();

  constructor(directory: string, service: string, endpoint: Endpoint, leaseMs: number, clock: Clock) {
    this.#directory = directory;
    this.#service = service;
    this.#file = leaseFile(directory, service, endpoint.id);
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
    const directory = serviceDirectory(this.#directory, this.#service);
    void sweep(directory, LEASE_OR_DRAFT, UNTOUCHED_MS, this.#clock.wallMs());
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
    await this.#queue(() => rm(this.#file, { force: true }));
  }

  #plan(): void {
    if (this.#withdrawn) return;
    this.#timer = this.#clock.after(this.#leaseMs / 3, () => {
      // A full disk or a lost mount may pass; the lease is tried again until it is withdrawn.
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
        await writeFile(draft, writeLease(this.#endpoint, this.#clock.wallMs() + this.#leaseMs));
        await rename(draft, this.#file);
      } catch (error) {
        // A disk that is full would get another draft with each attempt.
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
