import type { Pod } from '../pod.ts';

/** The least share: a Pod whose share rounds to 0 still gets its turn, and no division yields infinity. */
const LEAST = 1e-12;

/** Each Pod's share of the whole weight; `weigh` may give Pods another one. Weights are first divided by the largest one, so that no sum overflows, whatever a registry says. */
export function shares(
  pods: readonly Pod[],
  weigh: (pod: Pod) => number = (pod) => pod.weight,
): Float64Array {
  const count = pods.length;
  // Plain loops: there may be many Pods, and `Float64Array.from` takes ten times as long.
  let max = 0;
  for (let i = 0; i < count; i++) max = Math.max(max, weigh(pods[i]!));
  const parts = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    parts[i] = weigh(pods[i]!) / max;
    sum += parts[i]!;
  }
  for (let i = 0; i < count; i++) parts[i] = Math.max(parts[i]! / sum, LEAST);
  return parts;
}
