import { done, type Random } from '@podwire/core';
import { Draw } from '../draw.ts';
import type { Pod } from '../pod.ts';
import type { Picker, PickInfo, Policy } from '../policy.ts';
import { AliasTable } from './alias-table.ts';
import { scan, takes, weighted } from './scan.ts';

/** Picks any Pod, with a chance in proportion to its weight. */
export function random(): Policy {
  return {
    name: 'random',
    children: [],
    needsHash: false,
    refreshMs: 0,
    order: undefined,
    build: (input) => done(new RandomPick(weighted(input.ready), input.random)),
  };
}

/** Draws before all Pods are looked at in order. They are enough unless nearly all Pods are unavailable. */
const DRAWS = 4;

class RandomPick<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  readonly #draw: Draw;
  readonly #table: AliasTable;

  constructor(pods: readonly P[], random: Random) {
    this.#pods = pods;
    this.#draw = new Draw(random);
    this.#table = new AliasTable(pods);
  }

  pick(info: PickInfo<P>): P | undefined {
    if (this.#pods.length === 0) return undefined;
    for (let draw = 0; draw < DRAWS; draw++) {
      const pod = this.#pods[this.#table.draw(this.#draw)]!;
      if (takes(pod, info)) return pod;
    }
    return scan(this.#pods, this.#draw.below(this.#pods.length), info);
  }
}
