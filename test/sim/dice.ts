import type { Random } from '@podwire/core';

/** Spreads a text over 32 bits (FNV-1a, finished by murmur3's mixer). */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Random numbers in [0, 1), the same for the same seed and purpose (mulberry32). */
export function seededRandom(seed: number, purpose: string): Random {
  let state = spread(`${seed} ${purpose}`);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Random choices, all from one seed. Each purpose has dice of its own: what one part of the world throws changes nothing for the others. */
export class Dice {
  readonly random: Random;

  constructor(seed: number, purpose: string) {
    this.random = seededRandom(seed, purpose);
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  /** A whole number from `least` to `most`. */
  from(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** A number around `mean`, as the times between independent events are. */
  exponential(mean: number): number {
    return -Math.log(1 - this.random()) * mean;
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** True in so many of a hundred throws. */
  percent(share: number): boolean {
    return this.random() * 100 < share;
  }

  /** Some of them, each in so many of a hundred throws, in their order. */
  some<T>(items: readonly T[], share: number): T[] {
    return items.filter(() => this.percent(share));
  }
}
