import type { Pod } from '../policy.ts';

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016): a Pod that has more than `factor` times
 * the mean of calls in flight, by weight, passes the call on to the next one. Infinity is no bound.
 */
export class LoadBound {
  readonly #factor: number;
  readonly #meanWeight: number;
  readonly #count: number;

  constructor(pods: readonly Pod[], factor: number) {
    this.#factor = factor;
    this.#count = pods.length;
    this.#meanWeight = pods.reduce((sum, pod) => sum + pod.endpoint.weight, 0) / Math.max(pods.length, 1);
  }

  allows(pod: Pod): boolean {
    if (this.#factor === Number.POSITIVE_INFINITY) return true;
    const mean = (pod.load.total.inFlight + 1) / this.#count;
    const share = pod.endpoint.weight / this.#meanWeight;
    return pod.load.inFlight + 1 <= Math.ceil(this.#factor * mean * share);
  }
}
