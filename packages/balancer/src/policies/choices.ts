import { Draw } from '../draw.ts';
import type { Pod } from '../pod.ts';
import type { Picker, PickInfo, PolicyInput } from '../policy.ts';
import { AliasTable } from './alias-table.ts';
import { scan, takes, weighted } from './scan.ts';

/** Draws per choice before giving up on it; a draw is wasted when it hits the same Pod again or one that cannot take the call. */
const DRAWS = 4;

/**
 * Picks the better of a few distinct Pods drawn at random, by weight: the "power of two choices"
 * (Mitzenmacher 2001). It keeps clients that know nothing of each other from all choosing the same Pod.
 */
export abstract class Choices<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  readonly #random: Draw;
  readonly #table: AliasTable;
  /** Infinity looks at every Pod. */
  readonly #count: number;

  constructor({ ready, random }: PolicyInput<P>, count: number) {
    this.#pods = weighted(ready);
    this.#table = new AliasTable(this.#pods);
    this.#count = count;
    this.#random = new Draw(random);
  }

  /** Whether to prefer `a`. False for both orders of two equal Pods. */
  protected abstract better(a: P, b: P): boolean;

  pick(info: PickInfo<P>): P | undefined {
    const { length } = this.#pods;
    if (length === 0) return undefined;
    if (this.#count >= length) return this.#bestOfAll(info);
    let best: P | undefined;
    for (let choice = 0; choice < this.#count; choice++) {
      const pod = this.#draw(info, best);
      if (pod === undefined) continue;
      if (best === undefined || this.better(pod, best)) best = pod;
    }
    return best ?? scan(this.#pods, this.#random.below(length), info);
  }

  #draw(info: PickInfo<P>, not: P | undefined): P | undefined {
    for (let draw = 0; draw < DRAWS; draw++) {
      const pod = this.#pods[this.#table.draw(this.#random)]!;
      if (pod !== not && pod.available && (info.excluded === undefined || !info.excluded.has(pod)))
        return pod;
    }
    return undefined;
  }

  /** Compares all Pods, beginning at a drawn one, so that weights also decide between equal Pods. */
  #bestOfAll(info: PickInfo<P>): P | undefined {
    const pods = this.#pods;
    const start = this.#table.draw(this.#random);
    let best: P | undefined;
    for (let step = 0, at = start; step < pods.length; step++, at++) {
      if (at >= pods.length) at = 0;
      const pod = pods[at]!;
      if (takes(pod, info) && (best === undefined || this.better(pod, best))) best = pod;
    }
    return best ?? scan(pods, start, info);
  }
}
