import { done } from '@podwire/core';
import type { Pod } from '../pod.ts';
import type { Picker, PickInfo, Policy } from '../policy.ts';
import { scanIndex, weighted } from './scan.ts';
import { shares } from './shares.ts';
import { WeightedRoundRobin } from './weighted-round-robin.ts';

/**
 * Picks every Pod in turn. It begins at a random one, so that many clients that start together do not move in step. While some Pods are new
 * (slow start), these have fewer turns.
 */
export function roundRobin(): Policy {
  return {
    name: 'round_robin',
    children: [],
    needsHash: false,
    refreshMs: 0,
    order: undefined,
    build: ({ ready, random, previous }) => {
      const pods = weighted(ready);
      if (pods.some(({ ramp }) => ramp !== 1)) {
        const before = previous instanceof WeightedRoundRobin ? previous : undefined;
        const parts = shares(pods, ({ ramp }) => ramp);
        return done(new WeightedRoundRobin(pods, parts, random, before));
      }
      return done(new RoundRobin(pods, start(pods, previous) ?? Math.floor(random() * pods.length)));
    },
  };
}

/** Begins after the Pod that had the last call, so that a change of the set does not favour the front of the list. */
function start<P extends Pod>(pods: readonly P[], previous: Picker<P> | undefined): number | undefined {
  const last = previous instanceof RoundRobin ? (previous.last as P | undefined) : undefined;
  const at = last === undefined ? -1 : pods.indexOf(last);
  return at < 0 ? undefined : (at + 1) % pods.length;
}

class RoundRobin<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  #next: number;
  last: P | undefined;

  constructor(pods: readonly P[], next: number) {
    this.#pods = pods;
    this.#next = next;
  }

  pick(info: PickInfo<P>): P | undefined {
    const pods = this.#pods;
    const at = scanIndex(pods, this.#next, info);
    if (at < 0) return undefined;
    // Goes on from the Pod that was picked. From the Pod whose turn it was, the next one would get twice its share.
    this.#next = at + 1 < pods.length ? at + 1 : 0;
    this.last = pods[at];
    return this.last;
  }
}
