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
  /** Whether the connection broke since, so that the server may now serve another store than the version's. */
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

  /** Whether a list differs from the replica. A list that is older than the watch's last line does not count. */
  isNews({ listed, resourceVersion }: Listing<Mirror>): boolean {
    return !isBefore(resourceVersion, this.resourceVersion) && !listed.isLike(this.#mirror);
  }

  /**
   * Whether the server still has the store that we watched, at our version or a later one. A store that was wiped or restored may be at a
   * lower version, from which a watch would stay silent for ever, or may hold other or older objects under the same names. This takes
   * one small request, where otherwise every client would send a full list when an API server comes back.
   */
  async isSameStore(client: ApiClient, signal: AbortSignal): Promise<boolean> {
    const { first, resourceVersion } = await probe(client, this.#mirror.resource, this.service, signal);
    if (!isAtOrAfter(resourceVersion, this.resourceVersion)) return false;
    if (first === undefined) return this.#mirror.size === 0;
    const known = this.#mirror.get(nameOf(first) ?? '');
    if (known === undefined || known.uid !== uidOf(first)) return false;
    // We saw every change up to our version, so an object that differs must have a later one. In a store restored from a backup it has not.
    const version = resourceVersionOf(first);
    return version === known.resourceVersion || isBefore(this.resourceVersion, version);
  }

  /** Throws when the version goes back: within one store it only grows, so this is another store, or changes were missed. */
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
