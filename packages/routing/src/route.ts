import { InvalidInput } from '@podwire/core';

/** One of the clusters of a route, with its share of the calls. */
export interface WeightedCluster {
  /** The cluster's name. */
  readonly cluster: string;
  /** Relative to the other clusters of the route; 0 gets no calls. */
  readonly weight: number;
}

/** A route gives its calls a cluster and settings of its own. `C` is the client's type for a method's settings. */
export interface Route<C> {
  /** How errors and telemetry name it. */
  readonly name: string;
  /** One cluster, or several with weights: a split of traffic. */
  readonly clusters: readonly WeightedCluster[];
  /** Settings that override those of the service config, field by field. */
  readonly config: C;
  /** The cluster of one call, by a number in [0, 1) that is drawn for it. */
  cluster(random: number): string;
}

/**
 * A route to one cluster, or to several by weight. Throws `InvalidInput` when it names no cluster, or when no weight is more than 0.
 */
export function createRoute<C>(
  name: string,
  clusters: string | readonly WeightedCluster[],
  config: C,
): Route<C> {
  const all = typeof clusters === 'string' ? [{ cluster: clusters, weight: 1 }] : clusters;
  const used = all.filter(({ weight }) => weight > 0);
  const last = used.at(-1);
  for (const { cluster, weight } of all)
    if (!Number.isFinite(weight) || weight < 0)
      throw new InvalidInput(
        `${name}: the weight of ${cluster}`,
        weight,
        'must be a finite number, 0 or more',
      );
  if (last === undefined)
    throw new InvalidInput(`${name}: clusters`, clusters, 'must give a cluster a weight above 0');
  const total = used.reduce((sum, { weight }) => sum + weight, 0);
  return {
    name,
    clusters: all,
    config,
    cluster(random) {
      let left = random * total;
      for (const { cluster, weight } of used) {
        left -= weight;
        if (left < 0) return cluster;
      }
      // Sums of fractions may fall short of the total.
      return last.cluster;
    },
  };
}
