import { CHUNK, type Incremental } from '@podwire/core';
import { hashKey, mix } from '../hash.ts';
import type { Pod } from '../pod.ts';
import type { Policy } from '../policy.ts';
import { type HashOptions, HashTable, hashPolicy } from './hash-picker.ts';
import { shares } from './shares.ts';

/** How many points a Pod of mean weight has while the ring is small enough. Shares differ by about 1/√points. */
const MAX_POINTS = 1024;
/** The most points on a ring, which bounds the cost of a rebuild. Envoy allows 8 Mi, gRPC 4096. */
const RING_SIZE = 1 << 16;

/** Maps keys to Pods by a ring (Ketama): when a Pod leaves, only its keys move. gRFC A42, Envoy `ring_hash`. */
export function ringHash(options: HashOptions): Policy {
  return hashPolicy('ring_hash', options, buildRing);
}

/** Points in the order of their hashes; a key belongs to the first point at or after its own hash. */
class Ring extends HashTable {
  override readonly owners: Uint32Array;
  readonly #points: Uint32Array;
  /** The first point of each of 2^n equal parts of the ring. With it, neither a binary search nor a comparison sort is needed. */
  readonly #parts: Uint32Array;
  readonly #shift: number;

  constructor(
    pods: readonly Pod[],
    owners: Uint32Array,
    points: Uint32Array,
    parts: Uint32Array,
    shift: number,
  ) {
    super(pods);
    this.owners = owners;
    this.#points = points;
    this.#parts = parts;
    this.#shift = shift;
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
}

/** Sorts by counting the points of each part of the ring, and by insertion within a part, which has one point on average. */
function* buildRing(pods: readonly Pod[]): Incremental<Ring> {
  const seeds = new Uint32Array(pods.length);
  const counts = new Uint32Array(pods.length);
  const size = yield* countPoints(pods, seeds, counts);
  const bits = Math.max(1, Math.ceil(Math.log2(size + 1)));
  const shift = 32 - bits;
  const parts = new Uint32Array(2 ** bits + 1);
  let work = 0;
  for (let pod = 0; pod < counts.length; pod++) {
    for (let n = 0; n < counts[pod]!; n++) parts[(point(seeds[pod]!, n) >>> shift) + 1]! += 1;
    work += counts[pod]!;
    if (work < CHUNK) continue;
    work = 0;
    yield;
  }
  for (let part = 1; part < parts.length; part++) {
    parts[part]! += parts[part - 1]!;
    if (part % CHUNK === 0) yield;
  }
  const filled = parts.slice();
  const points = new Uint32Array(size);
  const owners = new Uint32Array(size);
  for (let pod = 0; pod < counts.length; pod++) {
    for (let n = 0; n < counts[pod]!; n++) {
      const hash = point(seeds[pod]!, n);
      const part = hash >>> shift;
      let slot = filled[part]!++;
      for (; slot > parts[part]! && points[slot - 1]! > hash; slot--) {
        points[slot] = points[slot - 1]!;
        owners[slot] = owners[slot - 1]!;
      }
      points[slot] = hash;
      owners[slot] = pod;
    }
    work += counts[pod]!;
    if (work < CHUNK) continue;
    work = 0;
    yield;
  }
  return new Ring(pods, owners, points, parts, shift);
}

/** The first n points are the same for every n: a Pod whose weight changes keeps the keys it can. */
function point(seed: number, n: number): number {
  return mix(seed + Math.imul(n, 0x9e3779b1));
}

/**
 * Counts each Pod's points by its weight; returns their sum. A fraction of a point becomes a whole one for some of the Pods, chosen by
 * id. If it were rounded, the loss of one Pod could give all others one more point at once, and so move far more keys than its own.
 */
function* countPoints(pods: readonly Pod[], seeds: Uint32Array, counts: Uint32Array): Incremental<number> {
  const size = Math.min(MAX_POINTS * pods.length, RING_SIZE);
  const parts = shares(pods);
  let total = 0;
  for (let i = 0; i < pods.length; i++) {
    const seed = hashKey(pods[i]!.id);
    const rounding = mix(seed ^ RING_SIZE) / 2 ** 32;
    seeds[i] = seed;
    counts[i] = Math.max(1, Math.floor(size * parts[i]! + rounding));
    total += counts[i]!;
    if (i % CHUNK === CHUNK - 1) yield;
  }
  return total;
}
