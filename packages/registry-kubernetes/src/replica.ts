import type { ApiClient } from './api/client.ts';
import { BrokenAnswer } from './api/error.ts';
import { type Listing, probe, type ServiceKey } from './api/list.ts';
import { Mirror } from './mirror.ts';
import { isAtOrAfter, isBefore } from './resource-version.ts';
import { ENDPOINT_SLICES, nameOf, resourceVersionOf, uidOf } from './slices/resource.ts';

/** The objects of one service at a version of the store: where a watch may go on, and whether the store is still that one. */
export class Replica {
  readonly service: ServiceKey;
  #mirror: Mirror;
  /** Where a watch may go on; undefined when the service must be listed first. */
  resourceVersion: string | undefined;
  /** The connection broke: is it still the store that the resource version is of? */
  isStoreInDoubt = false;

  constructor(service: ServiceKey) {
    this.service = service;
    this.#mirror = new Mirror(ENDPOINT_SLICES, service);
  }

  get mirror(): Mirror {
    return this.#mirror;
  }

  adopt({ listed, resourceVersion }: Listing<Mirror>): void {
    this.#mirror = listed;
    this.resourceVersion = resourceVersion;
    this.isStoreInDoubt = false;
  }

  /** Whether a list says what is not known yet. One that is older than what a watch told meanwhile says nothing new. */
  isNews({ listed, resourceVersion }: Listing<Mirror>): boolean {
    return !isBefore(resourceVersion, this.resourceVersion) && !listed.isLike(this.#mirror);
  }

  /**
   * Whether the store is still the one, and not behind, where we stopped. One that was wiped or restored may be at a lower
   * version, from which a watch would be silent for ever, or hold other objects under the same names, or older ones. One small request
   * instead of a full list from every client at once when an API server comes back.
   */
  async isSameStore(client: ApiClient, signal: AbortSignal): Promise<boolean> {
    const { first, resourceVersion } = await probe(client, this.#mirror.resource, this.service, signal);
    if (!isAtOrAfter(resourceVersion, this.resourceVersion)) return false;
    if (first === undefined) return this.#mirror.size === 0;
    const known = this.#mirror.get(nameOf(first) ?? '');
    if (known === undefined || known.uid !== uidOf(first)) return false;
    // We saw all up to our version: what is not as we know it must have changed since. In a store restored from a backup, it did not.
    const version = resourceVersionOf(first);
    return version === known.resourceVersion || isBefore(this.resourceVersion, version);
  }

  /** Versions of one store only grow: where they do not, it is another one, or what was missed is not known. */
  advance(version: string | undefined): void {
    if (version === undefined) throw new BrokenAnswer('the watch sent an object without a version');
    if (isBefore(version, this.resourceVersion)) {
      const from = this.resourceVersion;
      throw new BrokenAnswer(
        `the watch went back from version ${from} to ${version.slice(0, 40)}; listing again`,
      );
    }
    this.resourceVersion = version;
  }
}
