import { done, type Random } from '@podwire/core';
import type { Pod } from '../pod.ts';
import type { LoadReports, Picker, PickInfo, Policy } from '../policy.ts';
import { positions } from '../positions.ts';
import { scan, takes, weighted } from './scan.ts';
import { shares } from './shares.ts';

/**
 * Picks every Pod in turn, as often as its weight says, evenly spaced: earliest deadline first, where a Pod of weight w is due
 * every 1/w (Envoy's EDF scheduler). A pick costs O(log n). The weights are the registry's, or follow from the load that Pods report.
 */
export function weightedRoundRobin(loadReports: LoadReports): Policy {
  return {
    name: 'weighted_round_robin',
    children: [],
    needsHash: false,
    refreshMs: 0,
    loadReports,
    order: undefined,
    build: ({ ready, random, previous }) => {
      const before = previous instanceof WeightedRoundRobin ? previous : undefined;
      const pods = weighted(ready);
      return done(new WeightedRoundRobin(pods, shares(pods), random, before));
    },
  };
}

/** Picks Pods in turn, each as often as its share says. */
export class WeightedRoundRobin<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  readonly #dueAt: Float64Array;
  readonly #period: Float64Array;
  /** A binary heap of indices into `#pods`; the root is due first. */
  readonly #heap: Uint32Array;
  #now = 0;

  constructor(
    pods: readonly P[],
    parts: Float64Array,
    random: Random,
    previous: WeightedRoundRobin<Pod> | undefined,
  ) {
    this.#pods = pods;
    this.#dueAt = new Float64Array(pods.length);
    this.#period = parts.map((share) => 1 / share);
    this.#heap = new Uint32Array(pods.length);
    const before = previous && positions<Pod>(previous.#pods, pods);
    for (let i = 0; i < pods.length; i++) {
      const at = before === undefined ? -1 : before[i]!;
      // A Pod that was there before keeps its place; a new one begins at a random point of its period.
      this.#dueAt[i] = (at < 0 ? random() : previous!.#left(at)) * this.#period[i]!;
      this.#heap[i] = i;
    }
    for (let at = (pods.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  pick(info: PickInfo<P>): P | undefined {
    for (let step = this.#pods.length; step > 0; step--) {
      const i = this.#heap[0]!;
      const pod = this.#pods[i]!;
      this.#now = this.#dueAt[i]!;
      // A Pod that cannot take its turn loses it, so that it gets no burst when it comes back.
      this.#dueAt[i] = this.#now + this.#period[i]!;
      this.#sink(0);
      if (takes(pod, info)) return pod;
    }
    // All turns may have been those of one heavy Pod.
    return scan(this.#pods, 0, info);
  }

  /** The part of its period that a Pod still has to wait. */
  #left(i: number): number {
    return Math.min(Math.max((this.#dueAt[i]! - this.#now) / this.#period[i]!, 0), 1);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const dueAt = this.#dueAt;
    const moved = heap[from]!;
    const due = dueAt[moved]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && dueAt[heap[child + 1]!]! < dueAt[heap[child]!]!) child += 1;
      if (dueAt[heap[child]!]! >= due) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
  }
}
