import type { Incremental } from '@podwire/core';
import type { Pod } from '../pod.ts';
import type { Picker, PickInfo, Policy } from '../policy.ts';
import { LoadBound } from './load-bound.ts';
import { weighted } from './scan.ts';

/** Options of the policies that send equal keys to the same Pod. */
export interface HashOptions {
  /** See {@link LoadBound}; 1 or more. Default: none. */
  readonly loadBound: number | undefined;
}

/** A policy that sends equal keys to the same Pod, by the table that `make` builds. */
export function hashPolicy(
  name: string,
  options: HashOptions,
  make: (pods: readonly Pod[]) => Incremental<HashTable>,
): Policy {
  return {
    name,
    children: [],
    needsHash: true,
    refreshMs: 0,
    order: undefined,
    // The table is made of all Pods, ready or not, so that no key moves for good when a Pod reconnects.
    *build({ pods, ready, previous }) {
      const members = weighted(pods);
      const before = previous instanceof HashPicker && previous.policy === name ? previous.table : undefined;
      const table = before?.serves(members) ? before : yield* make(members);
      return new HashPicker(name, members, table, new LoadBound(weighted(ready), options.loadBound));
    },
  };
}

/** How many slots are tried for a key whose Pod does not take the call, before all Pods are looked at. */
const PROBES = 64;

/** Keys to Pods: slots with an owner each. Immutable, and kept from picker to picker while Pods and weights stay. */
export abstract class HashTable {
  readonly #pods: readonly Pod[];
  readonly #weights: readonly number[];
  /** For each slot an index into the Pods. */
  abstract readonly owners: Uint32Array;

  constructor(pods: readonly Pod[]) {
    this.#pods = pods;
    this.#weights = pods.map((pod) => pod.weight);
  }

  /** The slot of an unsigned 32-bit hash. */
  abstract first(hash: number): number;

  /** The slot to go to from one whose Pod does not take the call. */
  abstract next(slot: number): number;

  serves(pods: readonly Pod[]): boolean {
    if (pods.length !== this.#pods.length) return false;
    return pods.every((pod, i) => pod === this.#pods[i] && pod.weight === this.#weights[i]);
  }
}

/**
 * Picks the Pod of a key, or the next one that takes the call. It prefers a Pod within the load bound, then one above it, then one that the
 * call has tried before.
 */
class HashPicker<P extends Pod> implements Picker<P> {
  readonly policy: string;
  readonly table: HashTable;
  readonly #pods: readonly P[];
  readonly #bound: LoadBound;

  constructor(policy: string, pods: readonly P[], table: HashTable, bound: LoadBound) {
    this.policy = policy;
    this.#pods = pods;
    this.table = table;
    this.#bound = bound;
  }

  pick(info: PickInfo<P>): P | undefined {
    const pods = this.#pods;
    if (pods.length === 0) return undefined;
    const table = this.table;
    let slot = table.first(info.hash);
    let over: P | undefined;
    for (let probe = 0; probe < PROBES; probe++) {
      const pod = pods[table.owners[slot]!]!;
      if (pod.available && !info.excluded?.has(pod)) {
        if (this.#bound.allows(pod)) return pod;
        over ??= pod;
      }
      slot = table.next(slot);
    }
    return this.#scan(info, over);
  }

  /** Nearly all Pods are unavailable, tried or busy: looks at each Pod once, from the key's place on. */
  #scan(info: PickInfo<P>, firstOver: P | undefined): P | undefined {
    const pods = this.#pods;
    let over = firstOver;
    let tried: P | undefined;
    for (let step = 0, at = info.hash % pods.length; step < pods.length; step++, at++) {
      if (at >= pods.length) at = 0;
      const pod = pods[at]!;
      if (!pod.available) continue;
      if (info.excluded?.has(pod)) tried ??= pod;
      else if (this.#bound.allows(pod)) return pod;
      else over ??= pod;
    }
    return over ?? tried;
  }
}
