import { hashKey, mix } from '../hash.ts';
import type { Picker, PickInfo, Pod, Policy } from '../policy.ts';
import { LoadBound } from './load-bound.ts';
import type { HashOptions } from './ring-hash.ts';
import { weighted } from './scan.ts';

/** Envoy's and Cilium's default: a prime, hundreds of times the usual number of Pods. */
const TABLE_SIZE = 65_537;
/** Other slots tried for a key whose Pod takes nothing, before all Pods are looked through. */
const PROBES = 16;

/**
 * Keys to Pods by a table that every Pod fills alike (Eisenbud et al., NSDI 2016, §3.4): evener than a ring and one
 * lookup a pick; when a Pod leaves, a few keys of others move too.
 */
export function maglev(options: HashOptions): Policy {
  return {
    name: 'maglev',
    needsHash: true,
    connects: 'all',
    build: (pods, _ready, _env, previous) => {
      const members = weighted(pods);
      if (previous instanceof Maglev && previous.serves(members)) return previous;
      return new Maglev(members, options.loadBound ?? Number.POSITIVE_INFINITY);
    },
  };
}

class Maglev<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  readonly #weights: readonly number[];
  readonly #bound: LoadBound;
  readonly #table: Uint32Array;

  constructor(pods: readonly P[], loadBound: number) {
    this.#pods = pods;
    this.#weights = pods.map((pod) => pod.endpoint.weight);
    this.#bound = new LoadBound(pods, loadBound);
    this.#table = fill(pods);
  }

  serves(pods: readonly Pod[]): boolean {
    if (pods.length !== this.#pods.length) return false;
    return pods.every((pod, i) => pod === this.#pods[i] && pod.endpoint.weight === this.#weights[i]);
  }

  pick(info: PickInfo<P>): P | undefined {
    const pods = this.#pods;
    if (pods.length === 0) return undefined;
    let hash = info.hash;
    let over: P | undefined;
    let tried: P | undefined;
    for (let probe = 0; probe < PROBES; probe++) {
      const pod = pods[this.#table[hash % TABLE_SIZE]!]!;
      if (pod.available) {
        if (info.excluded?.has(pod)) tried ??= pod;
        else if (this.#bound.allows(pod)) return pod;
        else over ??= pod;
      }
      hash = mix(hash + 1);
    }
    for (let step = 0, at = hash % pods.length; step < pods.length; step++, at++) {
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

/** Pods take their next free slot in turn, as often as their weight allows. In order of id: alike in every client. */
function fill(pods: readonly Pod[]): Uint32Array {
  const table = new Uint32Array(TABLE_SIZE);
  if (pods.length === 0) return table;
  const order = pods.map((_, i) => i).sort((a, b) => (pods[a]!.id < pods[b]!.id ? -1 : 1));
  const maxWeight = pods.reduce((max, pod) => Math.max(max, pod.endpoint.weight), 0);
  const taken = new Uint8Array(TABLE_SIZE);
  const at = new Uint32Array(pods.length);
  const skip = new Uint32Array(pods.length);
  const credit = new Float64Array(pods.length);
  for (const i of order) {
    const hash = hashKey(pods[i]!.id);
    at[i] = hash % TABLE_SIZE;
    skip[i] = (mix(hash) % (TABLE_SIZE - 1)) + 1;
  }
  for (let filled = 0; ; ) {
    for (const i of order) {
      credit[i] = credit[i]! + pods[i]!.endpoint.weight / maxWeight;
      if (credit[i]! < 1) continue;
      credit[i] = credit[i]! - 1;
      let slot = at[i]!;
      while (taken[slot] === 1) slot = (slot + skip[i]!) % TABLE_SIZE;
      taken[slot] = 1;
      table[slot] = i;
      at[i] = (slot + skip[i]!) % TABLE_SIZE;
      filled += 1;
      if (filled === TABLE_SIZE) return table;
    }
  }
}
