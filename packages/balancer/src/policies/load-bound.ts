import type { Pod } from '../pod.ts';

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016): a Pod that has more than `factor` times
 * the mean of calls in flight, by weight, passes the call on to the next one. Without a factor there is no bound.
 */
export class LoadBound {
  readonly #factor: number | undefined;
  readonly #meanWeight: number;
  readonly #count: number;

  /** `ready`: the Pods that can take calls. The others carry none of the load. */
  constructor(ready: readonly Pod[], factor: number | undefined) {
    this.#factor = factor;
    this.#count = ready.length;
    // Divided before it is added, so that the sum never overflows, whatever weights a registry gives.
    this.#meanWeight = ready.reduce((sum, pod) => sum + pod.weight / ready.length, 0);
  }

  allows(pod: Pod): boolean {
    if (this.#factor === undefined) return true;
    const mean = (pod.load.total.inFlight + 1) / this.#count;
    const share = pod.weight / this.#meanWeight;
    return pod.load.inFlight + 1 <= Math.ceil(this.#factor * mean * share);
  }
}
