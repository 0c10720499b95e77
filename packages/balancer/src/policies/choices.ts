import type { Picker, PickInfo, Pod, PolicyEnv } from '../policy.ts';
import { AliasTable } from './alias-table.ts';
import { scan, takes, weighted } from './scan.ts';

/** Draws for one distinct choice before it is done without: two of the same Pod, or Pods that take nothing. */
const DRAWS = 4;

/**
 * Picks the better of a few distinct Pods drawn at random, by weight: the "power of two choices"
 * (Mitzenmacher 2001), which keeps clients that know nothing of each other from running after the same Pod.
 */
export abstract class Choices<P extends Pod> implements Picker<P> {
  protected readonly env: PolicyEnv;
  readonly #pods: readonly P[];
  readonly #table: AliasTable;
  /** Infinity looks at every Pod. */
  readonly #count: number;

  constructor(ready: readonly P[], env: PolicyEnv, count: number) {
    this.env = env;
    this.#pods = weighted(ready);
    this.#table = new AliasTable(this.#pods.map((pod) => pod.endpoint.weight));
    this.#count = count;
  }

  /** Whether `a` is to be preferred; a tie is no preference. */
  protected abstract better(a: P, b: P, nowMs: number): boolean;

  pick(info: PickInfo<P>): P | undefined {
    const { length } = this.#pods;
    if (length === 0) return undefined;
    const nowMs = this.env.nowMs();
    if (this.#count >= length) return this.#bestOfAll(info, nowMs);
    let best: P | undefined;
    for (let choice = 0; choice < this.#count; choice++) {
      const pod = this.#draw(info, best);
      if (pod === undefined) continue;
      if (best === undefined || this.better(pod, best, nowMs)) best = pod;
    }
    return best ?? scan(this.#pods, Math.floor(this.env.random() * length), info);
  }

  #draw(info: PickInfo<P>, not: P | undefined): P | undefined {
    for (let draw = 0; draw < DRAWS; draw++) {
      const pod = this.#pods[this.#table.draw(this.env.random)]!;
      if (pod !== not && takes(pod, info)) return pod;
    }
    return undefined;
  }

  /** From a drawn Pod on, so that ties go by weight as well. */
  #bestOfAll(info: PickInfo<P>, nowMs: number): P | undefined {
    const pods = this.#pods;
    const start = this.#table.draw(this.env.random);
    let best: P | undefined;
    for (let step = 0, at = start; step < pods.length; step++, at++) {
      if (at >= pods.length) at = 0;
      const pod = pods[at]!;
      if (takes(pod, info) && (best === undefined || this.better(pod, best, nowMs))) best = pod;
    }
    return best ?? scan(pods, start, info);
  }
}
