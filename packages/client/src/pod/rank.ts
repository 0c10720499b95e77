import { Block, canServe, OPINIONS, OWN_WORD, type Pod } from '@podwire/balancer';
import type { PodState } from './state.ts';

/**
 * How far a Pod can be counted on, for panic. `out`: it is not to get calls, by the registry's word, or it left the set. `lost`: it has no connection, or has not said yet whether it serves.
 * `unwilling`: it says itself that it takes no calls. `doubted`: podwire has an opinion against it. `sound`: none of these.
 */
export type PodRank = 'out' | 'lost' | 'unwilling' | 'doubted' | 'sound';

/** The rank of a Pod now. */
export function rankOf({
  state,
  endpoint,
  blocked,
}: Pick<Pod, 'endpoint' | 'blocked'> & { readonly state: PodState }): PodRank {
  if (state === 'draining' || state === 'closed' || !canServe(endpoint)) return 'out';
  if (state !== 'ready' || (blocked & Block.UNANSWERED) !== 0) return 'lost';
  if ((blocked & OWN_WORD) !== 0) return 'unwilling';
  return (blocked & OPINIONS) === 0 ? 'sound' : 'doubted';
}
