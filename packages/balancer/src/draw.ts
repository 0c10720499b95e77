import type { Random } from '@podwire/core';
import { mixSigned } from './hash.ts';

/** 2^32 over the golden ratio: Weyl's sequence, as SplitMix walks it. */
const STEP = 0x9e3779b9;

/** How many different draws there are: such integers V8 keeps without allocating, whatever its build. */
export const DRAW_RANGE = 2 ** 30;

/**
 * Random numbers for picks: SplitMix in 32 bits, begun where the given source says. A call through that source would
 * allocate a number each time; this does not, and costs a nanosecond. Only small integers cross a function's border
 * here: a fraction that is returned by a function which V8 did not inline is put into a box of its own.
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

  /** An index of a list of so many. */
  below(count: number): number {
    return Math.floor((this.bits() * count) / DRAW_RANGE);
  }
}
