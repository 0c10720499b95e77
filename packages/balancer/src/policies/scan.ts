import type { Endpoint } from '@podwire/registry';
import type { Pod } from '../pod.ts';
import type { PickInfo } from '../policy.ts';

/** Whether a Pod takes this call: it is available, and the call has not tried it before. */
export function takes<P extends Pod>(pod: P, info: PickInfo<P>): boolean {
  return pod.available && (info.excluded === undefined || !info.excluded.has(pod));
}

/** The first Pod from `start` on, wrapping round, that takes the call; if none does, an available one that was tried before. */
export function scan<P extends Pod>(pods: readonly P[], start: number, info: PickInfo<P>): P | undefined {
  const at = scanIndex(pods, start, info);
  return at < 0 ? undefined : pods[at];
}

/** The index of that Pod, or -1. */
export function scanIndex<P extends Pod>(pods: readonly P[], start: number, info: PickInfo<P>): number {
  const count = pods.length;
  let tried = -1;
  for (let step = 0, at = start; step < count; step++, at++) {
    if (at >= count) at = 0;
    const pod = pods[at]!;
    if (!pod.available) continue;
    if (info.excluded === undefined || !info.excluded.has(pod)) return at;
    if (tried < 0) tried = at;
  }
  return tried;
}

/** Whether a Pod is to get calls, once it is connected. */
export function canServe(endpoint: Endpoint): boolean {
  return endpoint.phase === 'serving' && endpoint.weight > 0;
}

/** The Pods that may get calls: those of weight 0 get none. */
export function weighted<P extends Pod>(pods: readonly P[]): readonly P[] {
  return pods.every((pod) => pod.weight > 0) ? pods : pods.filter((pod) => pod.weight > 0);
}
