import { isIPv6 } from 'node:net';
import { done, type Random } from '@podwire/core';
import type { Pod } from '../pod.ts';
import type { Picker, PickInfo, Policy } from '../policy.ts';
import { canServe, scan, weighted } from './scan.ts';

/** Sends all calls to one Pod, and to another only when that one goes (gRPC's `pick_first`, gRFC A62). */
export function pickFirst(options: { readonly shuffleAddressList: boolean }): Policy {
  return {
    name: 'pick_first',
    children: [],
    needsHash: false,
    refreshMs: 0,
    order(pods, random) {
      const able = pods.filter(({ endpoint }) => canServe(endpoint));
      // The list is shuffled before the address families are interleaved (gRFC A61).
      if (options.shuffleAddressList) shuffle(able, random);
      return interleave(able);
    },
    build: ({ ready, previous }) => done(new PickFirst(weighted(ready), previous)),
  };
}

/** Picks the Pod in use. That is the first of the list, unless the previous picker used another one that is still there. */
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

/** Shuffles in place (Fisher–Yates). */
function shuffle(items: unknown[], random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
}

/**
 * Orders Pods by address family in turn, beginning with the family of the first (RFC 8305 §4). Where one family leads nowhere, the
 * second attempt uses the other one.
 */
function interleave<P extends Pod>(pods: readonly P[]): P[] {
  const isFirst = (pod: P) => isIPv6(pod.endpoint.host) === isIPv6(pods[0]!.endpoint.host);
  const first = pods.filter(isFirst);
  if (first.length === pods.length) return first;
  const other = pods.filter((pod) => !isFirst(pod));
  const mixed: P[] = [];
  for (let i = 0; i < Math.max(first.length, other.length); i++) {
    if (i < first.length) mixed.push(first[i]!);
    if (i < other.length) mixed.push(other[i]!);
  }
  return mixed;
}
