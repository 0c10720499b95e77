import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@podwire/core';
import type { Access } from './access.ts';
import { type Env, hasApiServer, InCluster } from './in-cluster.ts';
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
 * controller-runtime. A process is in a Pod when the environment names the API server and the account's token is mounted, as
 * client-go has it (`inClusterClientConfig.Possible`): a container that was only given the variables, such as a development
 * container with a kubeconfig, is not a Pod. Throws an `Error` when none of the four exists.
 */
export function findAccess({ kubeconfig, context, serviceAccountDir, env, clock }: AccessOptions): Access {
  const named = kubeconfig ?? (env.KUBECONFIG || undefined);
  if (named !== undefined) return new KubeconfigAccess(named, context, env, clock);
  const inCluster =
    context === undefined && hasApiServer(env) ? new InCluster(env, serviceAccountDir) : undefined;
  // The user named the directory of the account, so the account is used.
  if (inCluster?.hasToken || (inCluster !== undefined && serviceAccountDir !== undefined)) return inCluster;
  const home = env.HOME || env.USERPROFILE || '';
  const usual = join(home, '.kube', 'config');
  if (home !== '' && existsSync(usual)) return new KubeconfigAccess(usual, context, env, clock);
  // Its error tells a Pod without a token what is missing.
  if (inCluster !== undefined) return inCluster;
  throw new Error(
    `no cluster is known: this is no Pod (KUBERNETES_SERVICE_HOST is not set), KUBECONFIG is not set, and ${usual} does not exist`,
  );
}
