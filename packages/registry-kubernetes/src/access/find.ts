import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@podwire/registry';
import type { Access } from './access.ts';
import { type Env, InCluster, isInCluster } from './in-cluster.ts';
import { KubeconfigAccess } from './kubeconfig-access.ts';

export interface AccessOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly serviceAccountDir: string | undefined;
  readonly env: Env;
  readonly clock: Clock;
}

/**
 * The options' kubeconfig, then `KUBECONFIG`, then the Pod's own account, then `~/.kube/config`; the order of
 * controller-runtime. Throws an `Error` when there is none of them.
 */
export function findAccess({ kubeconfig, context, serviceAccountDir, env, clock }: AccessOptions): Access {
  const named = kubeconfig ?? (env.KUBECONFIG || undefined);
  if (named !== undefined) return new KubeconfigAccess(named, context, env, clock);
  if (isInCluster(env) && context === undefined) return new InCluster(env, serviceAccountDir);
  const home = env.HOME || env.USERPROFILE || '';
  const usual = join(home, '.kube', 'config');
  if (home !== '' && existsSync(usual)) return new KubeconfigAccess(usual, context, env, clock);
  throw new Error(
    `no cluster is known: this is no Pod (KUBERNETES_SERVICE_HOST is not set), KUBECONFIG is not set, and ${usual} does not exist`,
  );
}
