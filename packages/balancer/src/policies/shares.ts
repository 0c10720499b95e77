import type { Pod } from '../policy.ts';

/** The least share: what rounds to nothing still gets its turn, and no division ends at infinity. */
const LEAST = 1e-12;

/** Each Pod's part of all weight. By way of the largest, so that no sum overflows, whatever a registry says. */
export function shares(pods: readonly Pod[]): Float64Array {
  let max = 0;
  for (const pod of pods) max = Math.max(max, pod.endpoint.weight);
  const parts = Float64Array.from(pods, (pod) => pod.endpoint.weight / max);
  let sum = 0;
  for (const part of parts) sum += part;
  return parts.map((part) => Math.max(part / sum, LEAST));
}
