/**
 * `idle` is not wanted yet, `connecting` has no connection and makes one, `backoff` waits after a failure, `draining`
 * left the set and finishes its calls, `closed` is over.
 */
export type PodState = 'idle' | 'connecting' | 'ready' | 'backoff' | 'draining' | 'closed';
