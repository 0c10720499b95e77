import type { Endpoint } from '@podwire/registry';
import { hashKey } from './hash.ts';

/** Which part of a large service one client connects to. */
export interface SubsetOptions {
  /** Pods to connect to. */
  readonly size: number;
  /**
   * Which client this is: its ordinal (a StatefulSet's, a cluster worker's), or any text that tells it from the others.
   * Ordinals spread evenly for any number of clients; texts as hashes do.
   */
  readonly client: number | string;
}

/**
 * The Pods on a stretch of a ring on which all stand in the order of their hash; clients begin at points that divide it
 * evenly (van der Corput's sequence, as Twitter's deterministic aperture divides its ring). A Pod that comes or goes
 * changes at most one Pod of a subset.
 */
export function selectSubset(endpoints: readonly Endpoint[], options: SubsetOptions): readonly Endpoint[] {
  const { size, client } = options;
  if (endpoints.length <= size) return endpoints;
  const ring = endpoints
    .map((endpoint) => ({ endpoint, at: hashKey(endpoint.id) }))
    .sort((a, b) => a.at - b.at || (a.endpoint.id < b.endpoint.id ? -1 : 1));
  const point = typeof client === 'number' ? radicalInverse(client) : hashKey(client) / 2 ** 32;
  // By position on the ring of Pods rather than of hashes: stretches between hashes are uneven.
  const start = Math.floor(point * ring.length);
  const chosen = new Set<Endpoint>();
  for (let step = 0; step < size; step++) chosen.add(ring[(start + step) % ring.length]!.endpoint);
  return endpoints.filter((endpoint) => chosen.has(endpoint));
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
