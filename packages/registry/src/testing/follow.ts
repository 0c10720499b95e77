import { systemClock } from '@podwire/core';
import { EndpointTable, type Registry, type RegistryUpdate } from '../index.ts';

/** Longest real time to wait for a condition: enough on a machine that does other things as well. */
const LIMIT_MS = 10_000;

/** Waits for a condition in real time, calling `step` (such as a virtual clock's `advance`) in between. */
export async function until(
  condition: () => boolean,
  what: string,
  step: () => Promise<void> = realTurn,
): Promise<void> {
  const startMs = systemClock.nowMs();
  while (!condition()) {
    if (systemClock.nowMs() - startMs > LIMIT_MS) throw new Error(`waited ${LIMIT_MS} ms for ${what}`);
    await step();
  }
}

/** A short pause in real time, which keeps the process alive unlike those of `systemClock`. */
export function realTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** One watch of a registry: what it yielded, the endpoints that follow from that, and how it ended. */
export class Followed {
  readonly updates: RegistryUpdate[] = [];
  readonly endpoints: EndpointTable = new EndpointTable();
  error: unknown;
  ended = false;
  readonly done: Promise<void>;
  readonly #abort = new AbortController();

  constructor(registry: Registry, service: string) {
    this.done = this.#run(registry, service);
  }

  /** The ids in use now, sorted. */
  get ids(): string[] {
    return this.endpoints.list.map(({ id }) => id).sort();
  }

  get last(): RegistryUpdate | undefined {
    return this.updates.at(-1);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.done;
  }

  async #run(registry: Registry, service: string): Promise<void> {
    try {
      for await (const update of registry.watch(service, { signal: this.#abort.signal })) {
        this.updates.push(update);
        if (update.type !== 'problem') this.endpoints.apply(update);
      }
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }
}
