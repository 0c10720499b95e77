import { CHUNK, type Incremental } from '@podwire/core';
import { hashKey, mix, mixSigned } from '../hash.ts';
import { byHash } from '../hash-order.ts';
import type { Pod } from '../pod.ts';
import type { Policy } from '../policy.ts';
import { type HashOptions, HashTable, hashPolicy } from './hash-picker.ts';
import { shares } from './shares.ts';

/** Envoy's and Cilium's default: a prime, hundreds of times the usual number of Pods. */
const TABLE_SIZE = 65_537;

/**
 * Maps keys to Pods by a table that all Pods fill in turns (Eisenbud et al., NSDI 2016, §3.4). Shares are more even than on a ring, and
 * a pick is one lookup. When a Pod leaves, a few keys of other Pods move too.
 */
export function maglev(options: HashOptions): Policy {
  return hashPolicy('maglev', options, function* (pods) {
    return new Maglev(pods, yield* fill(pods));
  });
}

class Maglev extends HashTable {
  override readonly owners: Uint32Array;

  constructor(pods: readonly Pod[], owners: Uint32Array) {
    super(pods);
    this.owners = owners;
  }

  override first(hash: number): number {
    return hash % TABLE_SIZE;
  }

  override next(slot: number): number {
    return (mixSigned(slot + 1) >>> 0) % TABLE_SIZE;
  }
}

/** Pods take their next free slot in turn, as often as their weight allows, until none is free. */
function* fill(pods: readonly Pod[]): Incremental<Uint32Array> {
  const owners = new Uint32Array(TABLE_SIZE);
  const count = pods.length;
  if (count === 0) return owners;
  // One bit per slot, so that the table fits into the processor's nearest cache: nearly all of the time goes into finding free slots.
  const taken = new Uint32Array((TABLE_SIZE >>> 5) + 1);
  const hashes = new Uint32Array(count);
  const at = new Uint32Array(count);
  const skip = new Uint32Array(count);
  const left = new Uint32Array(count);
  const credit = new Float64Array(count);
  const perTurn = shares(pods);
  for (let i = 0; i < count; i++) {
    if (i % CHUNK === CHUNK - 1) yield;
    const hash = hashKey(pods[i]!.id);
    hashes[i] = hash;
    at[i] = hash % TABLE_SIZE;
    skip[i] = (mix(hash) % (TABLE_SIZE - 1)) + 1;
    // A turn of a heavy Pod is many slots, so its share of the table is a limit.
    left[i] = Math.ceil(perTurn[i]! * TABLE_SIZE);
    perTurn[i] = perTurn[i]! * count;
  }
  const order = byHash(hashes);
  yield;
  let work = 0;
  for (let free = TABLE_SIZE; ; ) {
    for (let turn = 0; turn < count; turn++) {
      const i = order[turn]!;
      credit[i]! += perTurn[i]!;
      work += 1;
      for (; credit[i]! >= 1 && left[i]! > 0; credit[i]! -= 1, left[i]! -= 1) {
        const step = skip[i]!;
        let slot = at[i]!;
        for (; (taken[slot >>> 5]! & (1 << (slot & 31))) !== 0; work++) slot = after(slot, step);
        taken[slot >>> 5]! |= 1 << (slot & 31);
        owners[slot] = i;
        at[i] = after(slot, step);
        free -= 1;
        if (free === 0) return owners;
        work += 1;
      }
      if (work >= CHUNK) {
        work = 0;
        yield;
      }
    }
  }
}

function after(slot: number, skip: number): number {
  return slot + skip < TABLE_SIZE ? slot + skip : slot + skip - TABLE_SIZE;
}
