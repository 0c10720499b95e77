import { hashKey, mix, mixSigned } from '../hash.ts';
import type { Pod, Policy } from '../policy.ts';
import { type HashOptions, HashPicker, HashTable } from './hash-picker.ts';
import { LoadBound } from './load-bound.ts';
import { weighted } from './scan.ts';
import { shares } from './shares.ts';

/** Envoy's and Cilium's default: a prime, hundreds of times the usual number of Pods. */
const TABLE_SIZE = 65_537;

/**
 * Keys to Pods by a table that every Pod fills alike (Eisenbud et al., NSDI 2016, §3.4): evener than a ring and one
 * lookup a pick; when a Pod leaves, a few keys of others move too.
 */
export function maglev(options: HashOptions): Policy {
  return {
    name: 'maglev',
    needsHash: true,
    connects: 'all',
    build: (pods, ready, _env, previous) => {
      const members = weighted(pods);
      const before = previous instanceof HashPicker ? previous.table : undefined;
      const kept = before instanceof Maglev && before.serves(members);
      const table = kept ? before : new Maglev(members);
      return new HashPicker(members, table, new LoadBound(weighted(ready), options.loadBound));
    },
  };
}

class Maglev extends HashTable {
  override readonly owners: Uint32Array;

  constructor(pods: readonly Pod[]) {
    super(pods);
    this.owners = fill(pods);
  }

  override first(hash: number): number {
    return hash % TABLE_SIZE;
  }

  override next(slot: number): number {
    return (mixSigned(slot + 1) >>> 0) % TABLE_SIZE;
  }
}

/** Pods take their next free slot in turn, as often as their weight allows, until none is free. */
function fill(pods: readonly Pod[]): Uint32Array {
  const owners = new Uint32Array(TABLE_SIZE);
  if (pods.length === 0) return owners;
  const taken = new Uint8Array(TABLE_SIZE);
  const hashes = Uint32Array.from(pods, (pod) => hashKey(pod.id));
  const order = byHash(hashes);
  const at = hashes.map((hash) => hash % TABLE_SIZE);
  const skip = hashes.map((hash) => (mix(hash) % (TABLE_SIZE - 1)) + 1);
  const perTurn = shares(pods).map((share) => share * pods.length);
  const left = Uint32Array.from(perTurn, (slots) => Math.ceil((slots * TABLE_SIZE) / pods.length));
  const credit = new Float64Array(pods.length);
  for (let free = TABLE_SIZE; ; ) {
    for (const i of order) {
      credit[i]! += perTurn[i]!;
      // Never more than its share of the table: a turn of a heavy Pod is many slots.
      for (; credit[i]! >= 1 && left[i]! > 0; credit[i]! -= 1, left[i]! -= 1) {
        const step = skip[i]!;
        let slot = at[i]!;
        while (taken[slot] === 1) slot = after(slot, step);
        taken[slot] = 1;
        owners[slot] = i;
        at[i] = after(slot, step);
        free -= 1;
        if (free === 0) return owners;
      }
    }
  }
}

function after(slot: number, skip: number): number {
  return slot + skip < TABLE_SIZE ? slot + skip : slot + skip - TABLE_SIZE;
}

/** Indices in the order of their hashes, which is alike in every client. In one number of 53 bits, to sort fast. */
function byHash(hashes: Uint32Array): Uint32Array {
  const keys = Float64Array.from(hashes, (hash, i) => hash * 0x200000 + i).sort();
  return Uint32Array.from(keys, (key) => key % 0x200000);
}
