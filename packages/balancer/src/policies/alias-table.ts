import { DRAW_RANGE, type Draw } from '../draw.ts';
import type { Pod } from '../pod.ts';
import { shares } from './shares.ts';

/** Draws an index with probability in proportion to its weight in O(1): Vose's alias method. */
export class AliasTable {
  readonly #size: number;
  /** Undefined when all weights are equal: then one draw is enough. */
  readonly #keep: Float64Array | undefined;
  readonly #other: Uint32Array | undefined;

  constructor(pods: readonly Pod[]) {
    const size = pods.length;
    this.#size = size;
    if (pods.every((pod) => pod.weight === pods[0]!.weight)) return;
    const keep = shares(pods).map((share) => share * size);
    const other = new Uint32Array(size);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < size; i++) (keep[i]! < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!;
      const more = large.at(-1)!;
      other[less] = more;
      keep[more] = keep[more]! + keep[less]! - 1;
      if (keep[more]! < 1) small.push(large.pop()!);
    }
    // Rounding may leave some over; their share is whole.
    for (const i of [...small, ...large]) keep[i] = 1;
    this.#keep = keep;
    this.#other = other;
  }

  draw(draw: Draw): number {
    const scaled = (draw.bits() * this.#size) / DRAW_RANGE;
    const i = Math.floor(scaled);
    if (this.#keep === undefined || scaled - i < this.#keep[i]!) return i;
    return this.#other![i]!;
  }
}
