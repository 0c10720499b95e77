/** The chance at which a run of failures may happen to a Pod that is as good as the others. */
const CHANCE = 1e-7;
/** More would need longer runs than there are calls. */
const MAX_SHARE = 0.95;

/**
 * How many failures in a row are needed while this share of the other Pods' attempts fails: so many that chance alone makes such a run less
 * than once in ten million attempts.
 */
export function neededRun(least: number, share: number): number {
  if (share <= 0) return least;
  return Math.max(least, Math.ceil(Math.log(CHANCE) / Math.log(Math.min(share, MAX_SHARE))));
}
