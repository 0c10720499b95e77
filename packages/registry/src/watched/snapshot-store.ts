import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Endpoint, type EndpointInput, toEndpoint } from '../endpoint.ts';

/** What was written down of a service, and when. */
export interface Stored {
  readonly endpoints: readonly Endpoint[];
  /** Milliseconds since 1970. */
  readonly savedMs: number;
}

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * The last good set of each service on disk, for a start while the registry is down. Written by rename, so that a
 * reader sees a whole file; what cannot be read counts as not there.
 */
export class SnapshotStore {
  readonly #directory: string;
  /** Writes of one process go one after another; only the newest of those that wait is done. */
  #writing = new Map<string, { next: string | undefined }>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Blocking: it runs once, before anything else can. */
  load(key: string): Stored | undefined {
    try {
      const file = this.#file(key);
      if (statSync(file).size > MAX_BYTES) return undefined;
      const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
      const { savedMs, endpoints, of } = value as Record<string, unknown>;
      if (of !== key || typeof savedMs !== 'number' || !Array.isArray(endpoints)) return undefined;
      return { savedMs, endpoints: endpoints.map((input: EndpointInput) => toEndpoint(pickFields(input))) };
    } catch {
      return undefined;
    }
  }

  /** Never throws: a disk that is full must not stop calls. `onError` is told. */
  save(key: string, endpoints: readonly Endpoint[], savedMs: number, onError: (error: Error) => void): void {
    const text = JSON.stringify({ of: key, savedMs, endpoints });
    const running = this.#writing.get(key);
    if (running !== undefined) {
      running.next = text;
      return;
    }
    const state: { next: string | undefined } = { next: text };
    this.#writing.set(key, state);
    void this.#drain(key, state, onError);
  }

  async #drain(
    key: string,
    state: { next: string | undefined },
    onError: (error: Error) => void,
  ): Promise<void> {
    const file = this.#file(key);
    while (state.next !== undefined) {
      const text = state.next;
      state.next = undefined;
      const draft = `${file}.${randomUUID()}`;
      try {
        mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
        await writeFile(draft, text, { mode: 0o600 });
        await rename(draft, file);
      } catch (error) {
        await rm(draft, { force: true }).catch(() => {});
        onError(error as Error);
      }
    }
    this.#writing.delete(key);
  }

  #file(key: string): string {
    return join(this.#directory, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  }
}

function pickFields(input: EndpointInput): EndpointInput {
  const { host, port, weight, zone, phase, attributes } = input;
  return { host, port, weight, zone, phase, attributes };
}
