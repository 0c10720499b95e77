import { checkKeys, string } from '@podwire/core';
import type { Endpoint } from '@podwire/registry';

/** The zone that calls prefer. It is given by name, or by the node of this process, whose zone a registry tells. */
export class OwnZone {
  readonly node: string | undefined;
  /** Undefined while the zone is not known: then no zone is preferred. */
  name: string | undefined;
  /** Why the zone is not known. */
  problem: string | undefined;
  readonly #onFound = new Set<() => void>();

  constructor(zone: { readonly name: string } | { readonly node: string | undefined }) {
    this.name = 'name' in zone ? zone.name : undefined;
    this.node = 'node' in zone ? zone.node : undefined;
    if (this.name !== undefined) return;
    this.problem =
      this.node === undefined
        ? 'options.zone.node is not set: no zone is preferred'
        : `no Pod was seen yet that is on the node ${this.node} and has a zone`;
  }

  /** Looks for the node among Pods that are on it. A node stays in its zone. */
  learn(endpoints: readonly Endpoint[]): void {
    if (this.name !== undefined || this.node === undefined) return;
    const found = endpoints.find(
      ({ zone, attributes }) => zone !== undefined && attributes.node === this.node,
    );
    if (found?.zone !== undefined) this.use(found.zone);
  }

  /** A registry told it: tells those that listen. One that Pods told comes with a set, which is looked at in any case. */
  find(name: string): void {
    this.use(name);
    for (const onFound of this.#onFound) onFound();
  }

  /** Calls back when a registry told the zone. Returns what ends that. */
  listen(onFound: () => void): () => void {
    this.#onFound.add(onFound);
    return () => this.#onFound.delete(onFound);
  }

  use(name: string): void {
    this.name = name;
    this.problem = undefined;
  }
}

/** Checks the option `zone`. Throws `InvalidInput`. */
export function parseZone(value: unknown, path: string): OwnZone | undefined {
  if (typeof value !== 'object' || value === null) {
    const name = string(value, path);
    return name === undefined ? undefined : new OwnZone({ name });
  }
  const { node } = checkKeys(value, ['node'], path);
  // Empty or undefined: an environment variable that is not set, for example outside of a cluster.
  return new OwnZone({ node: node === '' ? undefined : string(node, `${path}.node`) });
}
