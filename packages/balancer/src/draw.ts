import type { Random } from '@podwire/core';
import { mixSigned } from './hash.ts';

/** 2^32 over the golden ratio: Weyl's sequence, as SplitMix walks it. */
const STEP = 0x9e3779b9;

/** How many different draws there are. Every build of V8 keeps integers below this without allocating. */
export const DRAW_RANGE = 2 ** 30;

/**
 * Random numbers for picks: SplitMix in 32 bits, seeded from the given source. Drawing from that source itself would
 * allocate a number each time; a draw from here allocates nothing and takes a nanosecond. The methods return small integers only:
 * V8 allocates a fraction that a function returns, unless it inlines the function.
 */
export class Draw {
  #state: number;

  constructor(random: Random) {
    this.#state = (random() * 2 ** 32) | 0;
  }

  /** From 0 to below 2^30. Compare it with a share of `DRAW_RANGE`. */
  bits(): number {
    this.#state = (this.#state + STEP) | 0;
    return mixSigned(this.#state) >>> 2;
  }

  /** A random index of a list of `count` items. */
  below(count: number): number {
    return Math.floor((this.bits() * count) / DRAW_RANGE);
  }
}
