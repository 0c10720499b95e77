import {
  type EndpointInput,
  type Registry,
  type RegistryUpdate,
  type RegistryWatchOptions,
  toEndpoint,
} from '../index.ts';

type Said = { readonly update: unknown } | { readonly error: unknown } | { readonly end: true };

/** A registry that yields whatever a test gives it, valid or not. */
export class ScriptedRegistry implements Registry {
  readonly scheme = 'scripted';
  readonly source: 'registry' | 'static';
  /** Watches begun so far. */
  begun = 0;
  /** Watches that are open now. */
  open = 0;
  /** How often it was asked to look again. */
  rechecks = 0;
  /** An error that `watch` itself throws. */
  throwNow: unknown;
  /** The first update of each watch, as most registries have one. */
  first: RegistryUpdate | undefined;
  readonly #queues = new Set<{ said: Said[]; wake: () => void }>();

  constructor(source: 'registry' | 'static' = 'registry') {
    this.source = source;
  }

  watch(_service: string, { signal, onRecheck }: RegistryWatchOptions): AsyncIterable<RegistryUpdate> {
    this.begun += 1;
    if (this.throwNow !== undefined) throw this.throwNow;
    onRecheck?.(() => {
      this.rechecks += 1;
    });
    return this.#run(signal);
  }

  /** Yields a value on every open watch: an update, or anything else that a broken registry may yield. */
  say(update: unknown): void {
    this.#put({ update });
  }

  reset(...endpoints: readonly (string | EndpointInput)[]): void {
    this.say({ type: 'reset', endpoints: endpoints.map(endpointOf) });
  }

  upsert(...endpoints: readonly (string | EndpointInput)[]): void {
    this.say({ type: 'upsert', endpoints: endpoints.map(endpointOf) });
  }

  remove(...ids: readonly string[]): void {
    this.say({ type: 'remove', ids });
  }

  fail(error: unknown): void {
    this.#put({ error });
  }

  end(): void {
    this.#put({ end: true });
  }

  #put(said: Said): void {
    for (const queue of this.#queues) {
      queue.said.push(said);
      queue.wake();
    }
  }

  async *#run(signal: AbortSignal): AsyncGenerator<RegistryUpdate> {
    const queue = { said: [] as Said[], wake: () => {} };
    this.#queues.add(queue);
    this.open += 1;
    const onAbort = () => queue.wake();
    signal.addEventListener('abort', onAbort);
    try {
      if (this.first !== undefined) yield this.first;
      while (!signal.aborted) {
        const said = queue.said.shift();
        if (said === undefined) {
          await new Promise<void>((resolve) => {
            queue.wake = resolve;
          });
        } else if ('error' in said) throw said.error;
        else if ('end' in said) return;
        else yield said.update as RegistryUpdate;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#queues.delete(queue);
      this.open -= 1;
    }
  }
}

/** `'10.0.0.1:50051'` or the same as an object. */
export function endpointOf(input: string | EndpointInput) {
  return toEndpoint(typeof input === 'string' ? { address: input } : input);
}
