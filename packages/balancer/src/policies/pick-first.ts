import type { Random } from '@podwire/registry';
import { made } from '../building.ts';
import type { Picker, PickInfo, Pod, Policy, PolicyEnv } from '../policy.ts';
import { scan, weighted } from './scan.ts';

/** All calls to one Pod, and to another only when it goes (gRPC's `pick_first`, gRFC A62). */
export function pickFirst(options: { readonly shuffleAddressList: boolean }): Policy {
  return {
    name: 'pick_first',
    needsHash: false,
    connects: 'one',
    build: (_pods, ready, env, previous) =>
      made(new PickFirst(order(weighted(ready), options.shuffleAddressList, env), previous)),
  };
}

function order<P extends Pod>(pods: readonly P[], shuffle: boolean, env: PolicyEnv): readonly P[] {
  return shuffle ? shuffled(pods, env.random) : pods;
}

class PickFirst<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  readonly #current: P | undefined;

  constructor(pods: readonly P[], previous: Picker<P> | undefined) {
    this.#pods = pods;
    const before = previous instanceof PickFirst ? (previous.#current as P | undefined) : undefined;
    this.#current = before !== undefined && pods.includes(before) ? before : pods[0];
  }

  pick(info: PickInfo<P>): P | undefined {
    const current = this.#current;
    if (current?.available && !info.excluded?.has(current)) return current;
    return scan(this.#pods, 0, info);
  }
}

/** The same in random order (Fisher–Yates). */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}
