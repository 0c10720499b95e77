/** `direct`: podwire balances over Pods. `mesh`: the service's own name, where kube-proxy or a sidecar balances. */
export type Mode = 'direct' | 'mesh';

export const MODES: readonly Mode[] = ['direct', 'mesh'];
