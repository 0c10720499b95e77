import { done } from '@podwire/core';
import type { Pod } from '../pod.ts';
import type { Policy } from '../policy.ts';
import { Choices } from './choices.ts';

/** Of two Pods drawn at random, the one with the lower product of latency and calls in flight (Finagle, Linkerd). */
export function peakEwma(options: { readonly choiceCount: number }): Policy {
  return {
    name: 'peak_ewma',
    children: [],
    needsHash: false,
    refreshMs: 0,
    order: undefined,
    build: (input) => done(new PeakEwma(input, options.choiceCount)),
  };
}

class PeakEwma<P extends Pod> extends Choices<P> {
  protected override better(a: P, b: P): boolean {
    // A Pod without a sample counts as equally fast. If it counted as faster, every call would go to a Pod that just started.
    const known = a.load.sampled && b.load.sampled;
    const ratio = known ? Math.exp(a.load.latencyRank - b.load.latencyRank) : 1;
    // In the place of 1, which makes an idle Pod's latency count, a new Pod has its ramp: idle, it is as good as others, and with one call
    // it has much to do.
    return ratio * (a.load.inFlight + a.ramp) * b.weight < (b.load.inFlight + b.ramp) * a.weight;
  }
}
