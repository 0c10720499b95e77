import { join } from 'node:path';
import { Followed, until } from '@podwire/registry/testing';
import { stringify } from 'yaml';
import type { Fixture } from './fixture.ts';

/** The parts of a kubeconfig that a test changes. */
export interface KubeconfigParts {
  readonly user?: object;
  readonly cluster?: object;
  readonly context?: object;
  readonly rest?: object;
}

/** Writes a kubeconfig for the fake API server. */
export async function writeKubeconfig(
  fixture: Fixture,
  { user = { token: 'good-token' }, cluster = {}, context = {}, rest = {} }: KubeconfigParts = {},
): Promise<void> {
  const server = `https://127.0.0.1:${fixture.server.port}`;
  const ca = { 'certificate-authority': 'ca.crt' };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    clusters: [{ name: 'c', cluster: { server, ...ca, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u', namespace: 'prod', ...context } }],
    ...rest,
  };
  await fixture.write('config', stringify(config));
}

/** The result of a watch of `orders` with that kubeconfig: its Pods, or the error. */
export async function outcome(
  fixture: Fixture,
  options = {},
  kubeconfig = join(fixture.dir, 'config'),
): Promise<string> {
  const followed = new Followed(fixture.registry({ kubeconfig, ...options }), 'orders');
  await until(() => followed.ended || followed.ids.length > 0, 'an outcome');
  await followed.close();
  return followed.error === undefined ? followed.ids.join() : (followed.error as Error).message;
}
