import type { Endpoint } from '@podwire/registry';
import { PodConnections, type PoolOptions } from './connections.ts';

/**
 * The connections of a channel's Pods, by address. Clusters that share a pool share the connections to the Pods that
 * they have in common. All connections of a pool are made with the same options, TLS included; clusters that differ in these have
 * pools of their own.
 */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #byAddress = new Map<string, PodConnections>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** The connections to the address of an endpoint. They may have other users, and live until the last one has left. */
  to(endpoint: Endpoint): PodConnections {
    // An endpoint's id is its address.
    const { id, host, port, path } = endpoint;
    const there = this.#byAddress.get(id);
    if (there !== undefined) return there;
    const address = { id, host, port, ...(path !== undefined && { path }) };
    const made = new PodConnections(address, this.#options, () => this.#byAddress.delete(id));
    this.#byAddress.set(id, made);
    return made;
  }

  /** Makes no more connections. */
  close(): void {
    this.#options.gate.close();
  }
}
