/**
 * `idle`: no connection is wanted. `connecting`: there is none yet, and one is being made. `backoff`: the wait after a failure.
 * `draining`: the Pod left the set and finishes its calls. `closed`: it is gone.
 */
export type PodState = 'idle' | 'connecting' | 'ready' | 'backoff' | 'draining' | 'closed';
