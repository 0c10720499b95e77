import type { Endpoint } from '@podwire/registry';
import { PodConnections, type PoolOptions } from './connections.ts';

/**
 * The connections of a channel's Pods, by their addresses. Clusters that share a pool share the connections to the Pods that
 * they have in common. A pool has one way to connect, TLS included: clusters that differ there have a pool each.
 */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #byAddress = new Map<string, PodConnections>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Those to the address of an endpoint: others' too, or new ones, which live until their last user has left. */
  to(endpoint: Endpoint): PodConnections {
    const { id, host, port, path } = endpoint;
    const key = path ?? `${host}:${port}`;
    const there = this.#byAddress.get(key);
    if (there !== undefined) return there;
    const made = new PodConnections(
      { id, host, port, ...(path !== undefined && { path }) },
      this.#options,
      () => this.#byAddress.delete(key),
    );
    this.#byAddress.set(key, made);
    return made;
  }

  /** No connection is to be made any more. */
  close(): void {
    this.#options.gate.close();
  }
}
