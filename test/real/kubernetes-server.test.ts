import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Kubernetes, startKubernetes } from '../servers/kubernetes.mjs';

let cluster: Kubernetes;
beforeAll(async () => {
  cluster = await startKubernetes({ controllers: true });
}, 180_000);
afterAll(() => cluster?.close());

const SLICES =
  '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dorders';
const addresses = async () => {
  const { body } = await cluster.request('GET', SLICES);
  const slices = body.items as {
    endpoints: { addresses: string[]; conditions: { ready: boolean } }[] | null;
  }[];
  return slices.flatMap(({ endpoints }) =>
    (endpoints ?? []).filter(({ conditions }) => conditions.ready).flatMap((endpoint) => endpoint.addresses),
  );
};

test('the controllers list a ready Pod of a Service in its EndpointSlice', async () => {
  // A slice holds no Pod whose Node is not known.
  const node = { metadata: { name: 'node-0' } };
  expect((await cluster.request('POST', '/api/v1/nodes', node)).status).toBe(201);
  const pod = {
    metadata: { name: 'orders-0', labels: { app: 'orders' } },
    spec: { nodeName: 'node-0', containers: [{ name: 'main', image: 'none' }] },
  };
  const service = {
    metadata: { name: 'orders' },
    spec: { selector: { app: 'orders' }, ports: [{ port: 50_051 }] },
  };
  expect((await cluster.request('POST', '/api/v1/namespaces/default/services', service)).status).toBe(201);
  expect((await cluster.request('POST', '/api/v1/namespaces/default/pods', pod)).status).toBe(201);
  // What a kubelet writes.
  const address = '10.244.0.11';
  const status = {
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
  const written = await cluster.request('PATCH', '/api/v1/namespaces/default/pods/orders-0/status', status);
  expect(written.status).toBe(200);
  await expect.poll(addresses, { timeout: 20_000 }).toEqual([address]);
});

test('keeps its data over a restart of the API server, and refuses a token that it does not know', async () => {
  await cluster.apiServer.stop();
  await expect(cluster.request('GET', '/version')).rejects.toThrow('ECONNREFUSED');
  await cluster.apiServer.start();
  expect((await cluster.request('GET', '/api/v1/namespaces/default/services/orders')).status).toBe(200);
  expect((await cluster.request('GET', SLICES, undefined, 'junk')).status).toBe(401);
});
