import { createSign, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KubernetesOptions, kubernetes } from '@podwire/registry-kubernetes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kubernetes, startKubernetes } from '../servers/kubernetes.mjs';
import type { Running } from '../servers/process.mjs';
import { createChannel } from '../support/channel.ts';
import {
  create,
  createNamespace,
  type MountedAccount,
  mountAccount,
  pathOf,
  putSlice,
  rbacManifest,
} from '../support/kubernetes-objects.ts';
import { startPod } from '../support/pod-process.ts';
import { whyNotReady } from '../support/refusal.ts';

/** Of these the cluster of kubernetes-deployment.test.ts, which may run at the same time, takes none. */
const [A, B] = ['10.244.0.28', '10.244.0.29'] as const;
let cluster: Kubernetes;
let account: MountedAccount;
let pods: Running[] = [];
const home = mkdtempSync(join(tmpdir(), 'podwire-access-'));

beforeAll(async () => {
  cluster = await startKubernetes({ audit: true });
  await createNamespace(cluster);
  await createNamespace(cluster, 'other');
  await create(cluster, rbacManifest);
  account = await mountAccount(cluster);
  pods = await Promise.all([A, B].map((address) => startPod(address)));
  await putSlice(cluster, 'orders-0', [A]);
}, 180_000);
afterAll(async () => {
  account?.remove();
  rmSync(home, { recursive: true, force: true });
  await Promise.all(pods.map((pod) => pod.stop()));
  await cluster?.close();
});

/** Opens a channel that cannot work; resolves with all that it says, in which no secret may be. */
async function refused(options: KubernetesOptions, secrets: readonly string[], target = 'orders.prod:grpc') {
  await using channel = createChannel(`kubernetes:///${target}`, { registries: [kubernetes(options)] });
  const events: unknown[] = [];
  channel.events.on('registry', (status) => events.push(status));
  const error = await whyNotReady(channel);
  const all = `${error.stack}${JSON.stringify([error, channel.snapshot(), events])}`;
  for (const secret of secrets) expect(all).not.toContain(secret);
  return error.message;
}

/** A channel that works follows a change too. */
async function works(options: KubernetesOptions) {
  await using channel = createChannel('kubernetes:///orders.prod:grpc', {
    registries: [kubernetes(options)],
  });
  await channel.ready();
  const ids = () =>
    channel
      .snapshot()
      .pods.filter(({ state }) => state === 'ready')
      .map(({ id }) => id);
  await putSlice(cluster, 'orders-0', [A, B]);
  await expect.poll(ids, { timeout: 15_000 }).toHaveLength(2);
  await putSlice(cluster, 'orders-0', [A]);
  await expect.poll(ids, { timeout: 15_000 }).toHaveLength(1);
}

/** An account of a name, with a Role that has these verbs. */
async function accountWith(name: string, verbs: readonly string[]): Promise<MountedAccount> {
  await cluster.must('POST', pathOf('ServiceAccount'), { metadata: { name } });
  const rules = [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs }];
  if (verbs.length > 0) {
    await cluster.must('POST', pathOf('Role'), { metadata: { name }, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
    const subjects = [{ kind: 'ServiceAccount', name, namespace: 'prod' }];
    await cluster.must('POST', pathOf('RoleBinding'), { metadata: { name }, roleRef, subjects });
  }
  return mountAccount(cluster, { account: name });
}

/** A token that the API server takes for its own, as old as is wanted. */
async function signToken(expiresInSeconds: number): Promise<string> {
  const { metadata } = await cluster.must('GET', `${pathOf('ServiceAccount')}/orders-consumer`);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const issuer = 'https://kubernetes.default.svc';
  const claims = {
    ...{ iss: issuer, aud: [issuer], sub: 'system:serviceaccount:prod:orders-consumer', jti: randomUUID() },
    ...{ iat: now - 7_200, nbf: now - 7_200, exp: now + expiresInSeconds },
    'kubernetes.io': { namespace: 'prod', serviceaccount: { name: 'orders-consumer', uid: metadata.uid } },
  };
  const text = `${encode({ alg: 'RS256' })}.${encode(claims)}`;
  const signature = createSign('sha256').update(text).sign(readFileSync(cluster.accountKeyFile), 'base64url');
  return `${text}.${signature}`;
}

describe('what cannot work is one error that says what to do, without a secret', () => {
  test.each([
    ['no verb', [], 'not allowed to list endpointslices.discovery.k8s.io in namespace prod'],
    ['no list', ['get', 'watch'], 'not allowed to list endpointslices.discovery.k8s.io in namespace prod'],
  ])('%s', async (_what, verbs, said) => {
    const mounted = await accountWith(`has-${verbs.join('-')}x`, verbs);
    const message = await refused(mounted.options, [mounted.token]);
    expect(message).toContain(said);
    expect(message).toContain('bind a Role with the verbs list and watch');
    mounted.remove();
  });

  test('another namespace than the one that the Role is in', async () => {
    const message = await refused(account.options, [account.token], 'orders.other:grpc');
    expect(message).toContain('not allowed to list endpointslices.discovery.k8s.io in namespace other');
    expect(message).toContain('or correct the namespace');
  });

  test.each(['ordres.prod:grpc', 'orders.other:grpc'])('no such Service: %s', async (target) => {
    const [name, namespace] = target.replace(':grpc', '').split('.');
    const message = await refused({ kubeconfig: cluster.kubeconfigFile }, [cluster.token], target);
    expect(message).toContain(
      `of a Service ${name} in namespace ${namespace}: check both names (kubectl get`,
    );
  });

  test.each([
    ['junk', async () => 'anything.but-a-token'],
    ['expired', () => signToken(-3_600)],
  ])('a token that is %s', async (_what, make) => {
    const mounted = await mountAccount(cluster);
    const token = await make();
    mounted.write('token', token);
    const message = await refused(mounted.options, [token]);
    expect(message).toContain(`did not accept the credentials from ${join(mounted.dir, 'token')}: 401`);
    expect(message).toContain('they are wrong, expired, or for another cluster');
    mounted.remove();
  });

  test.each([
    ['nothing listens', '127.0.0.1', '1', 'nothing listens there (ECONNREFUSED)'],
    ['no way leads there', '192.0.2.1', '443', 'no way leads there (ENETUNREACH)'],
  ])('a server that cannot be reached: %s', async (_what, host, port, said) => {
    const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
    const message = await refused({ ...account.options, env }, [account.token]);
    expect(message).toContain(
      `no answer from the API server https://${host}${port === '443' ? '' : ':1'}: ${said}`,
    );
  });
});

describe('credentials that work', () => {
  const kubeconfig = (name: string, user: object) => {
    const config = JSON.parse(readFileSync(cluster.kubeconfigFile, 'utf8'));
    const file = join(home, `${name}.json`);
    writeFileSync(file, JSON.stringify({ ...config, users: [{ name: 'test', user }] }));
    return { kubeconfig: file };
  };

  test('an account with list and watch on endpointslices in one namespace, and nothing else is asked for', async () => {
    const from = cluster.audited().length;
    await works(account.options);
    const asked = cluster.audited().slice(from);
    const verbs = asked.filter(({ userAgent }) => userAgent === 'podwire').map(({ verb }) => verb);
    expect([...new Set(verbs)].sort()).toEqual(['list', 'watch']);
    const mine = await accountWith('has-list-watch', ['list', 'watch']);
    await works(mine.options);
    mine.remove();
  });

  test('an account without watch works by lists alone, and says so', async () => {
    const mine = await accountWith('has-list', ['list']);
    await works(mine.options);
    await using channel = createChannel('kubernetes:///orders.prod:grpc', {
      registries: [kubernetes(mine.options)],
    });
    await channel.ready();
    await expect
      .poll(() => channel.snapshot().registry?.lastError)
      .toContain(
        'only lists pass, which are asked for again and again: not allowed to watch endpointslices.discovery.k8s.io in namespace prod: bind a Role with the verbs list and watch',
      );
    mine.remove();
  });

  test('a kubeconfig with a client certificate', () => {
    const { cert, key } = cluster.clientCertificateFiles;
    return works(kubeconfig('certificate', { 'client-certificate': cert, 'client-key': key }));
  });

  test('a kubeconfig with a token', () => works(kubeconfig('token', { token: account.token })));

  test('a kubeconfig with an exec plugin, which is run again when its token is refused', async () => {
    const plugin = join(home, 'plugin.mjs');
    const runs = join(home, 'runs');
    writeFileSync(runs, '');
    writeFileSync(
      plugin,
      `import { appendFileSync, readFileSync } from 'node:fs';
      appendFileSync(${JSON.stringify(runs)}, 'x');
      const first = readFileSync(${JSON.stringify(runs)}, 'utf8') === 'x';
      const status = { token: first ? 'stale' : ${JSON.stringify(account.token)} };
      console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }));`,
    );
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: [plugin],
      interactiveMode: 'Never',
    };
    await works(kubeconfig('exec', { exec }));
    expect(readFileSync(runs, 'utf8')).toBe('xx');
  });
});

test('the zone of the own node is found with the least rights', { timeout: 30_000 }, async () => {
  const endpoint = {
    addresses: ['10.244.0.99'],
    nodeName: 'node-1',
    zone: 'eu-1a',
    conditions: { ready: false },
  };
  await cluster.must('POST', pathOf('EndpointSlice'), {
    metadata: { name: 'consumer-0', labels: { 'kubernetes.io/service-name': 'consumer' } },
    ...{ addressType: 'IPv4', ports: [{ name: 'grpc', port: 50_051 }], endpoints: [endpoint] },
  });
  await using channel = createChannel('kubernetes:///orders.prod:grpc', {
    registries: [kubernetes(account.options)],
    zone: { node: 'node-1' },
  });
  await channel.ready();
  await expect
    .poll(() => channel.snapshot().zone)
    .toEqual({ name: 'eu-1a', node: 'node-1', problem: undefined });
  await using elsewhere = createChannel('kubernetes:///orders.prod:grpc', {
    registries: [kubernetes(account.options)],
    zone: { node: 'node-2' },
  });
  await elsewhere.ready();
  await expect
    .poll(() => elsewhere.snapshot().zone?.problem)
    .toBe(
      'the zone of the node node-2 is not known, and none is preferred: no Pod that the registry knows is on it',
    );
});

test('a token and a CA that were replaced are read again', { timeout: 60_000 }, async () => {
  const mounted = await mountAccount(cluster);
  // The API server forgives a minute.
  mounted.write('token', await signToken(-55));
  await using channel = createChannel('kubernetes:///orders.prod:grpc', {
    registries: [kubernetes(mounted.options)],
  });
  await channel.ready();
  const lastError = () => channel.snapshot().registry?.lastError ?? '';
  const ids = () => channel.snapshot().pods.map(({ id }) => id);
  const restart = async () => {
    await cluster.apiServer.stop();
    await cluster.apiServer.start();
  };
  const expired = () =>
    cluster.request(
      'GET',
      pathOf('EndpointSlice'),
      undefined,
      readFileSync(join(mounted.dir, 'token'), 'utf8'),
    );
  await expect.poll(async () => (await expired()).status, { timeout: 20_000, interval: 200 }).toBe(401);
  // An open watch outlives its token.
  await putSlice(cluster, 'orders-0', [A, B]);
  await expect.poll(ids).toHaveLength(2);
  await restart();
  await expect.poll(lastError, { timeout: 10_000 }).toContain('401 Unauthorized');
  expect(ids()).toHaveLength(2);
  mounted.write('token', mounted.token);
  await putSlice(cluster, 'orders-0', [A]);
  await expect.poll(ids, { timeout: 15_000 }).toHaveLength(1);

  cluster.rotateCa();
  await restart();
  await expect
    .poll(lastError, { timeout: 10_000 })
    .toContain('its certificate is not signed by the configured CA');
  mounted.write('ca.crt', readFileSync(cluster.caFile, 'utf8'));
  await putSlice(cluster, 'orders-0', [A, B]);
  await expect.poll(ids, { timeout: 15_000 }).toHaveLength(2);
  expect(lastError()).toBe('');
  mounted.remove();
});
