import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesOptions } from '@podwire/registry-kubernetes';
import type { Kubernetes } from '../servers/kubernetes.mjs';

const GROUPS: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  Service: '/api/v1/namespaces/NS/services',
  Endpoints: '/api/v1/namespaces/NS/endpoints',
  ServiceAccount: '/api/v1/namespaces/NS/serviceaccounts',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings',
  Deployment: '/apis/apps/v1/namespaces/NS/deployments',
  EndpointSlice: '/apis/discovery.k8s.io/v1/namespaces/NS/endpointslices',
};

/** Where the objects of a kind are. */
export function pathOf(kind: string, namespace = 'prod'): string {
  return GROUPS[kind]!.replace('NS', namespace);
}

/** Creates what a manifest describes, as `kubectl create -f` does. */
export async function create(cluster: Kubernetes, file: string): Promise<void> {
  for (const document of readFileSync(file, 'utf8').split(/^---$/m)) {
    const kind = /^kind: (.*)$/m.exec(document)?.[1] ?? '';
    const namespace = /^ {2}namespace: (.*)$/m.exec(document)?.[1];
    await cluster.must('POST', pathOf(kind, namespace), document);
  }
}

export async function createNamespace(cluster: Kubernetes, name = 'prod'): Promise<void> {
  await cluster.must('POST', pathOf('Namespace'), { metadata: { name } });
}

export interface SlicePod {
  readonly address: string;
  readonly ready?: boolean;
}

/** Writes a slice of a Service; resolves with the API server's response. */
export async function putSlice(
  cluster: Kubernetes,
  name: string,
  pods: readonly (string | SlicePod)[],
  { service = 'orders', namespace = 'prod', port = 50_051 } = {},
): Promise<void> {
  const slice = {
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'grpc', port, protocol: 'TCP' }],
    endpoints: pods.map((pod) => {
      const { address, ready = true } = typeof pod === 'string' ? { address: pod } : pod;
      return { addresses: [address], conditions: { ready } };
    }),
  };
  const path = pathOf('EndpointSlice', namespace);
  const { status } = await cluster.request('PUT', `${path}/${name}`, slice);
  if (status !== 404 && status < 300) return;
  await cluster.must('POST', path, slice);
}

/** An account that may look at slices, as examples/kubernetes/rbac.yaml makes it. */
export const rbacManifest = new URL('../../examples/kubernetes/rbac.yaml', import.meta.url).pathname;

/** A Pod's mounted account, for a registry in this process. */
export interface MountedAccount {
  readonly options: KubernetesOptions;
  readonly dir: string;
  readonly token: string;
  write(name: 'token' | 'ca.crt' | 'namespace', text: string): void;
  remove(): void;
}

export async function mountAccount(
  cluster: Kubernetes,
  { account = 'orders-consumer', namespace = 'prod' } = {},
): Promise<MountedAccount> {
  const path = `${pathOf('ServiceAccount', namespace)}/${account}/token`;
  const { token } = (await cluster.must('POST', path, { spec: { expirationSeconds: 3_600 } })).status;
  const dir = mkdtempSync(join(tmpdir(), 'podwire-account-'));
  const mounted: MountedAccount = {
    dir,
    token,
    options: {
      serviceAccountDir: dir,
      env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(cluster.port) },
    },
    write: (name, text) => writeFileSync(join(dir, name), text),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
  mounted.write('token', token);
  mounted.write('ca.crt', readFileSync(cluster.caFile, 'utf8'));
  mounted.write('namespace', namespace);
  return mounted;
}
