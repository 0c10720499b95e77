import { done } from '@podwire/core';
import type { Pod } from '../pod.ts';
import type { Policy } from '../policy.ts';
import { Choices } from './choices.ts';

export interface LeastRequestOptions {
  /** Pods compared for each call, 2–100. Default 2 (Envoy, gRFC A48). */
  readonly choiceCount: number;
  /** Compare all Pods: the best for few Pods and long calls; costs O(n). Default false. */
  readonly fullScan: boolean;
}

/** Picks, of two Pods drawn at random, the one with fewer calls in flight in proportion to its weight (gRFC A48). */
export function leastRequest(options: LeastRequestOptions): Policy {
  const count = options.fullScan ? Number.POSITIVE_INFINITY : options.choiceCount;
  return {
    name: 'least_request',
    children: [],
    needsHash: false,
    refreshMs: 0,
    order: undefined,
    build: (input) => done(new LeastRequest(input, count)),
  };
}

class LeastRequest<P extends Pod> extends Choices<P> {
  protected override better(a: P, b: P): boolean {
    // a/wa < b/wb without the division.
    return a.load.inFlight * b.weight < b.load.inFlight * a.weight;
  }
}
