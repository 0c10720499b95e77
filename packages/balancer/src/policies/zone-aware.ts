import { DRAW_RANGE, Draw } from '../draw.ts';
import { mixSigned } from '../hash.ts';
import { type Pod, SHARELESS } from '../pod.ts';
import type { Picker, PickInfo, Policy } from '../policy.ts';

/** Envoy's default: a zone with 72 % of its Pods left still carries all its calls (1 / 1.4). */
const OVERPROVISIONING = 1.4;

/**
 * Keeps calls in the own zone while it can carry them. As it loses Pods, calls spill over to all other zones in proportion; a Pod that is
 * connected and blocked is lost as well
 * (Envoy, priority levels: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority).
 * While the own zone is not known, all zones are equal.
 */
export function zoneAware(policy: Policy): Policy {
  const { order } = policy;
  const node = {
    name: 'zone_aware',
    children: [policy],
    needsHash: policy.needsHash,
    refreshMs: policy.refreshMs,
    loadReports: policy.loadReports,
  };
  if (order !== undefined) {
    return {
      ...node,
      // A policy that uses one Pod has no shares: the zone decides which Pods are tried first.
      order(pods, random, zone) {
        const { own, other } = split(pods, zone);
        return [...order(own, random, zone), ...order(other, random, zone)];
      },
      build: (input) => policy.build(input),
    };
  }
  return {
    ...node,
    countsBlocked: true,
    order: undefined,
    *build(input) {
      const { pods, ready, heeded, zone, random, previous } = input;
      const before = previous instanceof ZonePicker ? previous : undefined;
      const near = split(pods, zone);
      const nearReady = split(ready, zone);
      const share = localShare(near.own, able(nearReady.own, heeded), able(nearReady.other, heeded));
      const own = { ...input, pods: near.own, ready: nearReady.own, previous: before?.own };
      const other = { ...input, pods: near.other, ready: nearReady.other, previous: before?.other };
      return new ZonePicker(
        yield* policy.build(own),
        yield* policy.build(other),
        share,
        policy.needsHash ? undefined : new Draw(random),
      );
    },
  };
}

function split<P extends Pod>(pods: readonly P[], zone: string | undefined): { own: P[]; other: P[] } {
  const own: P[] = [];
  const other: P[] = [];
  for (const pod of pods) (zone !== undefined && pod.endpoint.zone === zone ? own : other).push(pod);
  return { own, other };
}

/** The Pods that have their share of calls. */
function able<P extends Pod>(pods: readonly P[], heeded: number): readonly P[] {
  return pods.filter(({ blocked }) => (blocked & heeded & SHARELESS) === 0);
}

/** The share of calls that stays in the own zone. `ready` and `others`: the Pods of the own zone and of the others that have their share. */
export function localShare(all: readonly Pod[], ready: readonly Pod[], others: readonly Pod[]): number {
  const count = all.length + others.length;
  const capacity = weight(all, count);
  if (capacity === 0) return 0;
  if (weight(others, count) === 0) return 1;
  return Math.min(1, (OVERPROVISIONING * weight(ready, count)) / capacity);
}

/** The sum of weights over `count`. Each is divided before it is added, so that no sum overflows, whatever a registry says. */
function weight(pods: readonly Pod[], count: number): number {
  return pods.reduce((sum, pod) => sum + pod.weight / count, 0);
}

class ZonePicker<P extends Pod> implements Picker<P> {
  readonly own: Picker<P>;
  readonly other: Picker<P>;
  /** The local share times `DRAW_RANGE`: an integer, for which a pick allocates nothing. */
  readonly #share: number;
  /** Undefined where equal keys go to the same Pod: then the key decides which calls spill over. */
  readonly #draw: Draw | undefined;

  constructor(own: Picker<P>, other: Picker<P>, share: number, draw: Draw | undefined) {
    this.own = own;
    this.other = other;
    this.#share = Math.round(share * DRAW_RANGE);
    this.#draw = draw;
  }

  pick(info: PickInfo<P>): P | undefined {
    const stays = this.#stays(info.hash);
    const pod = stays ? this.own.pick(info) : this.other.pick(info);
    // A Pod that was tried before is worse than an untried one of the other zones.
    if (pod !== undefined && !info.excluded?.has(pod)) return pod;
    return (stays ? this.other.pick(info) : this.own.pick(info)) ?? pod;
  }

  #stays(hash: number): boolean {
    if (this.#share >= DRAW_RANGE || this.#share <= 0) return this.#share > 0;
    // Mixed once more, because the policies divide the keys by the hash itself.
    const at = this.#draw === undefined ? mixSigned(hash + 1) >>> 2 : this.#draw.bits();
    return at < this.#share;
  }
}
