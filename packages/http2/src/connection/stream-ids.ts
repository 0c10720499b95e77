/** The largest id of a stream (RFC 9113 §5.1.1). */
export const MAX_STREAM_ID = 2 ** 31 - 1;

/**
 * A connection that has used ids up to here takes no new calls, and another one is made. The ids that are left, for half a
 * million calls, are for those that begin until then.
 */
export const LAST_USED_ID = MAX_STREAM_ID + 1 - 2 ** 20;
