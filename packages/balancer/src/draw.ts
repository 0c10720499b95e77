import type { Random } from '@podwire/registry';
import { mixSigned } from './hash.ts';

/** 2^32 over the golden ratio: Weyl's sequence, as SplitMix walks it. */
const STEP = 0x9e3779b9;

/**
 * Random numbers for picks: SplitMix in 32 bits, begun where the given source says. A call through that source would
 * allocate a number each time; this does not, and costs a nanosecond.
 */
export class Draw {
  #state: number;

  constructor(random: Random) {
    this.#state = (random() * 2 ** 32) | 0;
  }

  /** From 0 to below 1. */
  unit(): number {
    this.#state = (this.#state + STEP) | 0;
    return (mixSigned(this.#state) >>> 0) / 2 ** 32;
  }

  /** An index of a list of so many. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }
}
