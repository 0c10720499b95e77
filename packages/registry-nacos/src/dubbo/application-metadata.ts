import type { Timer } from '@podwire/core';
import type { Configs } from '../config/configs.ts';
import type { Settings } from '../options.ts';
import { askMetadataService } from './ask-metadata-service.ts';
import { type DubboService, readMetadataInfo } from './metadata-info.ts';
import { type MetadataService, metadataServiceOf } from './metadata-service.ts';

interface Entry {
  services: readonly DubboService[] | undefined;
  failure: string | undefined;
  retryAtMs: number;
  retryMs: number;
  /** The last pass over the lists in which it occurred. */
  pass: number;
}

/** Reads one application's metadata of one revision. */
type Ask = () => Promise<unknown>;

/** How many Pods are asked at a time. */
const MAX_ASKED = 16;
/** Nacos reads configs from a copy, which may lag: consumers can see the instance before its config. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
/** Dubbo for Java counts versions and groups into its revisions, which are MD5 sums; dubbo-go does not. */
const COMPLETE_REVISION = /^[0-9a-f]{32}$/;

/** Revisions that are remembered; the oldest are forgotten first. */
const MAX_REMEMBERED = 10_000;

/** Metadata that was read, by registry: a new session or a failing server must not lose the Pods that it describes. */
const remembered = new WeakMap<Settings, Map<string, readonly DubboService[]>>();

/**
 * The interfaces of applications' instances, from the `MetadataInfo` of their revision, which Dubbo keeps in Nacos's configs or the
 * Pods tell themselves. Each is read once, and again only if that failed.
 */
export class ApplicationMetadata {
  readonly #settings: Settings;
  readonly #configs: Configs;
  readonly #onChange: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #remembered: Map<string, readonly DubboService[]>;
  readonly #waiting: (() => Promise<void>)[] = [];
  #asked = 0;
  #pass = 0;
  #timer: Timer | undefined;
  #closed = false;

  /** Calls `onChange` when metadata arrived that was missing. */
  constructor(settings: Settings, configs: Configs, onChange: () => void) {
    this.#settings = settings;
    this.#configs = configs;
    this.#onChange = onChange;
    this.#remembered = remembered.get(settings) ?? new Map();
    remembered.set(settings, this.#remembered);
  }

  /** Whether something is still asked for the first time. */
  get isAsking(): boolean {
    return this.#asked > 0 || this.#waiting.length > 0;
  }

  /** Begins a pass over the lists; `end` forgets metadata that no list used. */
  begin(): void {
    this.#pass += 1;
  }

  end(): void {
    for (const [key, { pass }] of this.#entries) if (pass !== this.#pass) this.#entries.delete(key);
    this.#planRetry();
  }

  /** The interfaces of an instance; undefined while they are being read. Throws when they cannot be read. */
  of(application: string, host: string, get: (key: string) => unknown): readonly DubboService[] | undefined {
    const revision = get('dubbo.metadata.revision');
    if (typeof revision !== 'string' || revision === '' || revision === '0') {
      throw new Error("it has no 'dubbo.metadata.revision' that names what it has");
    }
    const isRemote = get('dubbo.metadata.storage-type') === 'remote';
    const service = isRemote ? undefined : metadataServiceOf(application, host, get);
    const key = JSON.stringify([application, revision, placeOf(service, revision)]);
    const known = this.#entries.get(key);
    const services = this.#remembered.get(key);
    const fresh = { services, failure: undefined, retryAtMs: 0, retryMs: FIRST_RETRY_MS, pass: 0 };
    const entry: Entry = known ?? fresh;
    entry.pass = this.#pass;
    if (known === undefined) {
      this.#entries.set(key, entry);
      this.#ask(key, entry, this.#howToAsk(application, revision, service));
    } else if (entry.failure !== undefined && this.#settings.clock.nowMs() >= entry.retryAtMs) {
      entry.retryAtMs = Number.POSITIVE_INFINITY;
      this.#ask(key, entry, this.#howToAsk(application, revision, service));
    }
    if (entry.failure !== undefined && entry.services === undefined) throw new Error(entry.failure);
    return entry.services;
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#timer?.cancel();
  }

  #howToAsk(application: string, revision: string, service: MetadataService | undefined): Ask {
    const { transport, requestTimeoutMs } = this.#settings;
    if (service !== undefined)
      return () => askMetadataService(transport, service, revision, requestTimeoutMs);
    return async () => {
      const content = await this.#configs.read(application, revision);
      if (content === '') throw new Error(`Nacos has no config ${application} in the group ${revision}`);
      return content;
    };
  }

  #ask(key: string, entry: Entry, ask: Ask): void {
    this.#waiting.push(async () => {
      try {
        entry.services = readMetadataInfo(await ask());
        entry.failure = undefined;
        this.#remember(key, entry.services);
      } catch (error) {
        entry.failure = (error as Error).message;
        entry.retryAtMs = this.#settings.clock.nowMs() + entry.retryMs;
        entry.retryMs = Math.min(entry.retryMs * 2, MAX_RETRY_MS);
      }
    });
    this.#next();
  }

  #remember(key: string, services: readonly DubboService[]): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, services);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#remembered.keys()) return void this.#remembered.delete(oldest);
  }

  #next(): void {
    while (this.#asked < MAX_ASKED) {
      const work = this.#waiting.shift();
      if (work === undefined) return;
      this.#asked += 1;
      void work().then(() => {
        this.#asked -= 1;
        if (this.#closed) return;
        this.#next();
        this.#onChange();
      });
    }
  }

  #planRetry(): void {
    this.#timer?.cancel();
    const { clock } = this.#settings;
    const failed = [...this.#entries.values()].filter(({ failure }) => failure !== undefined);
    const nextMs = Math.min(...failed.map(({ retryAtMs }) => retryAtMs));
    if (Number.isFinite(nextMs))
      this.#timer = clock.after(Math.max(nextMs - clock.nowMs(), 1), this.#onChange);
  }
}

function placeOf(service: MetadataService | undefined, revision: string): string {
  if (service === undefined || COMPLETE_REVISION.test(revision)) return '';
  return `${service.host}:${service.port}`;
}
