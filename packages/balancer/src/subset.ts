import type { Endpoint } from '@podwire/registry';
import { hashKey } from './hash.ts';
import { byHash } from './hash-order.ts';
import { canServe } from './policies/scan.ts';

/** Which part of a large service one client connects to. */
export interface SubsetOptions {
  /** Pods to connect to, of those that can serve. */
  readonly size: number;
  /**
   * Which client this is: its ordinal (a StatefulSet's, a cluster worker's), or any text that tells it from the others.
   * Ordinals spread evenly for any number of clients; texts spread as hashes do.
   */
  readonly client: number | string;
}

/**
 * The Pods on one stretch of a ring. All Pods stand on the ring in the order of their hashes, and clients begin at points that divide it
 * evenly (van der Corput's sequence, as in Twitter's deterministic aperture). A Pod that comes or goes changes at most one Pod of a
 * subset. A Pod that drains or has weight 0 keeps its place, and the stretch grows by a Pod that can serve.
 */
export function selectSubset(endpoints: readonly Endpoint[], options: SubsetOptions): readonly Endpoint[] {
  const { size, client } = options;
  if (endpoints.length <= size) return endpoints;
  const ring = inRing(endpoints);
  const point = typeof client === 'number' ? radicalInverse(client) : hashKey(client) / 2 ** 32;
  // By position among the Pods rather than by hash: the distances between hashes are uneven.
  const start = Math.floor(point * ring.length);
  const chosen = new Set<Endpoint>();
  let able = 0;
  for (let step = 0; step < ring.length && able < size; step++) {
    const endpoint = ring[(start + step) % ring.length]!;
    const serves = canServe(endpoint);
    if (serves) able += 1;
    if (serves || step < size) chosen.add(endpoint);
  }
  return endpoints.filter((endpoint) => chosen.has(endpoint));
}

/** Endpoints in the order of their hashes, and of their ids where hashes are equal, so that the order is the same in every client. */
function inRing(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const hashes = new Uint32Array(endpoints.length);
  for (let i = 0; i < endpoints.length; i++) hashes[i] = hashKey(endpoints[i]!.id);
  const order = byHash(hashes);
  const ring = Array.from(order, (i) => endpoints[i]!);
  for (let at = 1; at < ring.length; at++) {
    const same = (i: number) => hashes[order[i]!] === hashes[order[at]!];
    for (let i = at; i > 0 && same(i - 1) && ring[i - 1]!.id > ring[i]!.id; i--) {
      [ring[i - 1], ring[i]] = [ring[i]!, ring[i - 1]!];
    }
  }
  return ring;
}

/** 0, 1/2, 1/4, 3/4, 1/8, …: each further point halves a gap. */
function radicalInverse(ordinal: number): number {
  let value = 0;
  let fraction = 0.5;
  for (let rest = Math.floor(ordinal); rest > 0; rest = Math.floor(rest / 2)) {
    value += (rest % 2) * fraction;
    fraction /= 2;
  }
  return value;
}
