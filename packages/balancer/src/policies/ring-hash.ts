import { hashKey, mix } from '../hash.ts';
import type { Pod, Policy } from '../policy.ts';
import { type HashOptions, HashPicker, HashTable } from './hash-picker.ts';
import { LoadBound } from './load-bound.ts';
import { weighted } from './scan.ts';
import { shares } from './shares.ts';

/** Points of a Pod of mean weight while the ring is small enough: shares are even to about 1/√points. */
const MAX_POINTS = 1024;
/** Points on the ring of many Pods; bounds what a rebuild costs. Envoy's largest is 8 Mi, gRPC's 4096. */
const RING_SIZE = 1 << 16;

/** Keys to Pods by a ring (Ketama): when a Pod leaves, only its keys move. gRFC A42, Envoy `ring_hash`. */
export function ringHash(options: HashOptions): Policy {
  return {
    name: 'ring_hash',
    needsHash: true,
    connects: 'all',
    // From all Pods, not those ready: one that reconnects moves no key for good.
    build: (pods, ready, _env, previous) => {
      const members = weighted(pods);
      const before = previous instanceof HashPicker ? previous.table : undefined;
      const kept = before instanceof Ring && before.serves(members);
      return new HashPicker(
        members,
        kept ? before : new Ring(members),
        new LoadBound(weighted(ready), options.loadBound),
      );
    },
  };
}

/** Points in the order of their hashes; a key belongs to the first point at or after its own hash. */
class Ring extends HashTable {
  override readonly owners: Uint32Array;
  readonly #points: Uint32Array;
  /** The first point of each of 2^n equal parts of the ring: no binary search, and no comparison sort. */
  readonly #parts: Uint32Array;
  readonly #shift: number;

  constructor(pods: readonly Pod[]) {
    super(pods);
    const counts = pointCounts(pods);
    const size = counts.reduce((sum, count) => sum + count, 0);
    const bits = Math.max(1, Math.ceil(Math.log2(size + 1)));
    this.#shift = 32 - bits;
    this.#parts = new Uint32Array(2 ** bits + 1);
    this.#points = new Uint32Array(size);
    this.owners = new Uint32Array(size);
    const hashes = new Uint32Array(size);
    for (let i = 0, at = 0; i < pods.length; i++) {
      const seed = hashKey(pods[i]!.id);
      // The first n points are the same for every n: a Pod whose weight changes keeps the keys it can.
      for (let n = 0; n < counts[i]!; n++) hashes[at++] = mix(seed + Math.imul(n, 0x9e3779b1));
    }
    this.#sort(hashes, counts);
  }

  override first(hash: number): number {
    const points = this.#points;
    let slot = this.#parts[hash >>> this.#shift]!;
    while (slot < points.length && points[slot]! < hash) slot += 1;
    return slot < points.length ? slot : 0;
  }

  override next(slot: number): number {
    return slot + 1 < this.#points.length ? slot + 1 : 0;
  }

  /** Counting sort by part, and insertion within a part, which has one point on average. */
  #sort(hashes: Uint32Array, counts: Uint32Array): void {
    const parts = this.#parts;
    const points = this.#points;
    const owners = this.owners;
    for (const hash of hashes) parts[(hash >>> this.#shift) + 1]! += 1;
    for (let part = 1; part < parts.length; part++) parts[part]! += parts[part - 1]!;
    const filled = parts.slice();
    for (let pod = 0, at = 0; pod < counts.length; pod++) {
      for (const end = at + counts[pod]!; at < end; at++) {
        const hash = hashes[at]!;
        const part = hash >>> this.#shift;
        let slot = filled[part]!++;
        for (; slot > parts[part]! && points[slot - 1]! > hash; slot--) {
          points[slot] = points[slot - 1]!;
          owners[slot] = owners[slot - 1]!;
        }
        points[slot] = hash;
        owners[slot] = pod;
      }
    }
  }
}

/**
 * By weight. The fraction of a point goes to a part of the Pods, chosen by id: were it rounded, one Pod less could give
 * all others another point at once, and move far more keys than its own.
 */
function pointCounts(pods: readonly Pod[]): Uint32Array {
  const size = Math.min(MAX_POINTS * pods.length, RING_SIZE);
  return Uint32Array.from(shares(pods), (share, i) => {
    const rounding = mix(hashKey(pods[i]!.id) ^ RING_SIZE) / 2 ** 32;
    return Math.max(1, Math.floor(size * share + rounding));
  });
}
