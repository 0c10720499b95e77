import { InvalidInput } from '@podwire/core';

/** `direct`: podwire balances over Pods. `mesh`: the service's own name, where kube-proxy or a sidecar balances. */
export type Mode = 'direct' | 'mesh';

export const MODES: readonly Mode[] = ['direct', 'mesh'];

/**
 * Throws {@link InvalidInput} for an unknown mode, and for `mesh` if the option `mesh` gives no address. `askedBy` names the variable or
 * file that asks for the mode, if neither an option nor code does.
 */
export function checkMode(
  mode: Mode | undefined,
  meshAddress: string | undefined,
  path: { readonly mode: string; readonly mesh: string },
  askedBy?: string,
): void {
  if (mode === undefined || mode === 'direct') return;
  if (mode !== 'mesh') throw new InvalidInput(path.mode, mode, `must be one of: ${MODES.join(', ')}`);
  if (meshAddress !== undefined) return;
  const by = askedBy === undefined ? '' : `, which ${askedBy} asks for`;
  throw new InvalidInput(
    path.mesh,
    undefined,
    `must give the service's address for the mode 'mesh'${by}: { address: 'orders.prod.svc:80' }`,
  );
}
