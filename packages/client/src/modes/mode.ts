import { InvalidInput } from '@podwire/registry';

/** `direct`: podwire balances over Pods. `mesh`: the service's own name, where kube-proxy or a sidecar balances. */
export type Mode = 'direct' | 'mesh';

export const MODES: readonly Mode[] = ['direct', 'mesh'];

/** Throws {@link InvalidInput} for what is no mode, and for `mesh` where no address of the service's own is given. */
export function checkMode(
  mode: Mode | undefined,
  meshAddress: string | undefined,
  path: { readonly mode: string; readonly mesh: string },
): void {
  if (mode === undefined || mode === 'direct') return;
  if (mode !== 'mesh') throw new InvalidInput(path.mode, mode, `must be one of: ${MODES.join(', ')}`);
  if (meshAddress !== undefined) return;
  throw new InvalidInput(
    path.mesh,
    undefined,
    "must give the service's address for the mode 'mesh': { address: 'orders.prod.svc:80' }",
  );
}
