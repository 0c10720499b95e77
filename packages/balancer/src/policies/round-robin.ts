import type { Picker, PickInfo, Pod, Policy } from '../policy.ts';
import { scan, weighted } from './scan.ts';

/** Every Pod in turn. Begins at a random one, so that many clients that start together don't move in step. */
export function roundRobin(): Policy {
  return {
    name: 'round_robin',
    needsHash: false,
    connects: 'all',
    build: (_pods, ready, env, previous) => {
      const pods = weighted(ready);
      return new RoundRobin(pods, start(pods, previous) ?? Math.floor(env.random() * pods.length));
    },
  };
}

/** After the Pod that had the last call, so that a change of the set does not favour the front of the list. */
function start<P extends Pod>(pods: readonly P[], previous: Picker<P> | undefined): number | undefined {
  const last = previous instanceof RoundRobin ? (previous.last as P | undefined) : undefined;
  const at = last === undefined ? -1 : pods.indexOf(last);
  return at < 0 ? undefined : (at + 1) % pods.length;
}

class RoundRobin<P extends Pod> implements Picker<P> {
  readonly #pods: readonly P[];
  #next: number;
  last: P | undefined;

  constructor(pods: readonly P[], next: number) {
    this.#pods = pods;
    this.#next = next;
  }

  pick(info: PickInfo<P>): P | undefined {
    const pods = this.#pods;
    const at = this.#next;
    const pod = scan(pods, at, info);
    this.#next = at + 1 < pods.length ? at + 1 : 0;
    // A Pod out of turn, for the one whose turn it was: the turn moves on from there, or its neighbour gets twice its share.
    if (pod !== undefined && pod !== pods[at]) this.#next = (pods.indexOf(pod) + 1) % pods.length;
    this.last = pod ?? this.last;
    return pod;
  }
}
