import { hashKey, mix } from '../hash.ts';
import type { Picker, PickInfo, Pod, Policy } from '../policy.ts';
import { LoadBound } from './load-bound.ts';
import { weighted } from './scan.ts';

export interface HashOptions {
  /** See {@link LoadBound}; 1 or more. Default: none. */
  readonly loadBound: number | undefined;
}

/** Points on the ring of a Pod of weight 1 while the ring is small enough: shares are even to about 1/√points. */
const MAX_POINTS = 1024;
const MIN_POINTS = 4;
/** Ring size aimed at for many Pods; bounds what a rebuild costs. Envoy's largest is 8 Mi, gRPC's 4096. */
const RING_SIZE = 1 << 16;

/** Keys to Pods by a ring (Ketama): when a Pod leaves, only its keys move. gRFC A42, Envoy `ring_hash`. */
export function ringHash(options: HashOptions): Policy {
  return {
    name: 'ring_hash',
    needsHash: true,
    connects: 'all',
    // From all Pods, not those ready: one that reconnects moves no key for good.
    build: (pods, _ready, _env, previous) => {
      const members = weighted(pods);
      const factor = options.loadBound ?? Number.POSITIVE_INFINITY;
      if (previous instanceof RingHash && previous.serves(members)) return previous;
      return new RingHash(members, factor);
    },
  };
}

class RingHash<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  readonly #weights: readonly number[];
  readonly #bound: LoadBound;
  /** Sorted hashes, and the Pod of each. */
  readonly #points: Uint32Array;
  readonly #owners: Uint32Array;

  constructor(pods: readonly P[], loadBound: number) {
    this.#pods = pods;
    this.#weights = pods.map((pod) => pod.endpoint.weight);
    this.#bound = new LoadBound(pods, loadBound);
    const total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    const mean = total / Math.max(pods.length, 1);
    const perPod = pointsPerPod(pods.length);
    const keys: number[] = [];
    for (const [i, pod] of pods.entries()) {
      const points = Math.max(1, Math.round((perPod * pod.endpoint.weight) / mean));
      const seed = hashKey(pod.id);
      // The first n points are the same for every n, so that a change of weight moves keys of this Pod alone.
      for (let n = 0; n < points; n++) keys.push(mix(seed + Math.imul(n, 0x9e3779b1)) * 0x200000 + i);
    }
    // Hash and owner in one number of 53 bits: typed arrays sort without a comparison function.
    const sorted = Float64Array.from(keys).sort();
    this.#points = new Uint32Array(sorted.length);
    this.#owners = new Uint32Array(sorted.length);
    for (let at = 0; at < sorted.length; at++) {
      this.#points[at] = Math.floor(sorted[at]! / 0x200000);
      this.#owners[at] = sorted[at]! % 0x200000;
    }
  }

  serves(pods: readonly Pod[]): boolean {
    if (pods.length !== this.#pods.length) return false;
    return pods.every((pod, i) => pod === this.#pods[i] && pod.endpoint.weight === this.#weights[i]);
  }

  pick(info: PickInfo<P>): P | undefined {
    const size = this.#points.length;
    let over: P | undefined;
    let tried: P | undefined;
    for (let step = 0, at = this.#find(info.hash); step < size; step++, at++) {
      if (at >= size) at = 0;
      const pod = this.#pods[this.#owners[at]!]!;
      if (!pod.available) continue;
      if (info.excluded?.has(pod)) tried ??= pod;
      else if (this.#bound.allows(pod)) return pod;
      else over ??= pod;
    }
    return over ?? tried;
  }

  /** The first point at or after the hash. */
  #find(hash: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A power of two, so that a Pod more or less hardly ever changes the points of the others. */
function pointsPerPod(count: number): number {
  let points = MAX_POINTS;
  while (points > MIN_POINTS && points * count > RING_SIZE) points /= 2;
  return points;
}
