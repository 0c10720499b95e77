import type { Pod } from '../pod.ts';

/** The least share: what rounds to nothing still gets its turn, and no division ends at infinity. */
const LEAST = 1e-12;

/** Each Pod's part of all weight. By way of the largest, so that no sum overflows, whatever a registry says. */
export function shares(pods: readonly Pod[]): Float64Array {
  const count = pods.length;
  // Plain loops: `Float64Array.from` and its like take ten times as long, and there may be many Pods.
  let max = 0;
  for (let i = 0; i < count; i++) max = Math.max(max, pods[i]!.weight);
  const parts = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    parts[i] = pods[i]!.weight / max;
    sum += parts[i]!;
  }
  for (let i = 0; i < count; i++) parts[i] = Math.max(parts[i]! / sum, LEAST);
  return parts;
}
