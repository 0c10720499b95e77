/**
 * What the end of an attempt says about its Pod, as `AttemptFacts.evidence`. Most statuses are about the call: a Pod that answers
 * NOT_FOUND works.
 */
export const Evidence = {
  /** Nothing: the caller gave up, this process stalled, or the Pod never had the call. */
  NONE: 0,
  /** The Pod works. */
  SUCCESS: 1,
  /** It failed the call: UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS, a reset, a broken reply, or the connection was lost. */
  FAILURE: 2,
  /** It had the call for longer than calls of this method take, and did not answer. */
  TIMEOUT: 3,
  /** It refused the call because it has too many. A busy Pod is never ejected: the others would get its calls. */
  BUSY: 4,
} as const;

/** One of {@link Evidence}. */
export type Evidence = (typeof Evidence)[keyof typeof Evidence];
