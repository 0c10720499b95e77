import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kubernetes } from '@podwire/registry-kubernetes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../servers/build.mjs';
import { type Kubelet, startKubelet } from '../servers/kubelet.mjs';
import { type Kubernetes, startKubernetes } from '../servers/kubernetes.mjs';
import { createChannel } from '../support/channel.ts';
import { call, demoClient, startOpenLoad } from '../support/demo-client.ts';
import {
  create,
  createNamespace,
  type MountedAccount,
  mountAccount,
  pathOf,
  rbacManifest,
} from '../support/kubernetes-objects.ts';

const examples = fileURLToPath(new URL('../../examples/kubernetes/', import.meta.url));
const image = mkdtempSync(join(tmpdir(), 'podwire-image-'));
let cluster: Kubernetes;
let kubelet: Kubelet;
let account: MountedAccount;

/** What the image holds, made as its Dockerfile makes it. */
function buildImage(): string {
  const dockerfile = readFileSync(`${examples}Dockerfile`, 'utf8');
  const [, command] = /^RUN (.* deploy .*) \/app$/m.exec(dockerfile)!;
  const directory = join(image, 'app');
  run('sh', ['-c', `${command} ${directory}`], { cwd: examples });
  return directory;
}

beforeAll(async () => {
  cluster = await startKubernetes({ controllers: true });
  kubelet = await startKubelet(cluster, {
    directory: buildImage(),
    addresses: Array.from({ length: 16 }, (_, i) => `10.244.0.${11 + i}`),
    zones: ['zone-a', 'zone-b'],
    env: (address) => ({ LISTEN: `${address}:50051` }),
  });
  await createNamespace(cluster);
  await cluster.must('PATCH', `${pathOf('Namespace')}/prod`, {
    metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  await create(cluster, rbacManifest);
  await create(cluster, `${examples}provider.yaml`);
  account = await mountAccount(cluster);
}, 180_000);
afterAll(async () => {
  account?.remove();
  await kubelet?.close();
  await cluster?.close();
  rmSync(image, { recursive: true, force: true });
});

const open = (target: string) =>
  createChannel(target, { registries: [kubernetes(account.options)], waiting: { timeoutMs: 30_000 } });
const orders = () =>
  kubelet.pods().filter(({ name }) => name.startsWith('orders-') && !name.includes('consumer'));
const deployment = () => cluster.must('GET', `${pathOf('Deployment')}/orders`);
const patch = (body: object) => cluster.must('PATCH', `${pathOf('Deployment')}/orders`, body);

/** A Service over the Pods of the Deployment. */
const createService = (name: string, spec: object) =>
  cluster.must('POST', pathOf('Service'), {
    metadata: { name, namespace: 'prod' },
    spec: { selector: { app: 'orders' }, ...spec },
  });

test('a channel finds the Pods of a Deployment, with their zones, and calls each', async () => {
  await using channel = open('kubernetes:///orders.prod:grpc');
  await channel.ready();
  await expect.poll(() => channel.snapshot().pods.length, { timeout: 20_000 }).toBe(3);
  const { pods, registry } = channel.snapshot();
  expect(registry).toMatchObject({
    scheme: 'kubernetes',
    state: 'watching',
    lastError: undefined,
    dropped: [],
  });
  expect(pods.map(({ id }) => id).sort()).toEqual(
    orders()
      .map(({ address }) => `${address}:50051`)
      .sort(),
  );
  expect(new Set(pods.map(({ zone }) => zone))).toEqual(new Set(['zone-a', 'zone-b']));
  const client = demoClient(channel);
  const seen = new Set<string>();
  await expect.poll(async () => seen.add(await call(client)).size).toBe(3);
  expect([...seen].sort()).toEqual(
    orders()
      .map(({ name }) => name)
      .sort(),
  );
});

test('the consumer of the example finds them with its own account', async () => {
  await create(cluster, `${examples}consumer.yaml`);
  const consumer = () => kubelet.pods().find(({ name }) => name.startsWith('orders-consumer'));
  await expect
    .poll(() => consumer()?.container?.log(), { timeout: 20_000 })
    .toMatch(/ready\n(.*\n)*answered by orders-/);
  await cluster.must('DELETE', `${pathOf('Deployment')}/orders-consumer`);
});

test('a Service with an address and several ports: one is taken by name, or by the number that Pods have', async () => {
  await createService('orders-ports', {
    ports: [
      { name: 'metrics', port: 80, targetPort: 9_090 },
      { name: 'rpc', port: 81, targetPort: 'grpc' },
    ],
  });
  for (const port of ['rpc', '50051']) {
    await using channel = open(`kubernetes:///orders-ports.prod:${port}`);
    await channel.ready();
    expect(await call(demoClient(channel))).toMatch(/^orders-/);
  }
  for (const [port, why] of [
    ['', 'the target names no port and none is called grpc: the Pods have '],
    [':81', "no Pod has the port 81 (the Pod's own is meant, not the Service's)"],
    [':grpc', "no port is called 'grpc'"],
  ]) {
    await using channel = open(`kubernetes:///orders-ports.prod${port}`);
    await expect(channel.ready({ timeoutMs: 2_000 })).rejects.toThrow(why);
  }
});

test('what the control plane hints at is an attribute of the Pod', async () => {
  await createService('orders-near', { ports: [{ port: 50_051 }], trafficDistribution: 'PreferSameZone' });
  const abort = new AbortController();
  const registry = kubernetes(account.options);
  for await (const update of registry.watch('orders-near.prod', { signal: abort.signal })) {
    if (update.type !== 'reset' && update.type !== 'upsert') continue;
    const hinted = update.endpoints.filter(({ attributes }) => attributes['hint-zones'] !== undefined);
    if (hinted.length === 0) continue;
    for (const { attributes, zone } of hinted) {
      expect(attributes['hint-zones']).toBe(zone);
      expect(attributes.node).toMatch(/^node-/);
      expect(attributes.pod).toMatch(/^orders-/);
    }
    abort.abort();
  }
  await registry.close?.();
});

test('a Deployment that is rolled three times under 500 calls/s loses no call', {
  timeout: 180_000,
}, async () => {
  await using channel = open('kubernetes:///orders.prod:grpc');
  await channel.ready();
  const drained = new Set<string>();
  channel.events.on('endpoints', () => {
    for (const { id, phase } of channel.snapshot().pods) if (phase === 'draining') drained.add(id);
  });
  const client = demoClient(channel);
  const load = startOpenLoad(client, 500);
  const before = orders().map(({ name }) => name);
  for (let roll = 1; roll <= 3; roll++) {
    await patch({ spec: { template: { metadata: { annotations: { roll: String(roll) } } } } });
    await expect
      .poll(
        async () => {
          const { status, metadata } = await deployment();
          const rolled = status.observedGeneration === metadata.generation && status.updatedReplicas === 3;
          return rolled && status.readyReplicas === 3 && status.replicas === 3;
        },
        { timeout: 50_000, interval: 100 },
      )
      .toBe(true);
  }
  // Those that leave have 5 s in preStop.
  await expect.poll(() => orders().length, { timeout: 20_000 }).toBe(3);
  const newest = orders().map(({ name }) => name);
  await expect.poll(() => newest.every((name) => load.byPod.has(name))).toBe(true);
  expect(await load.stop()).toEqual([]);
  expect(newest.filter((name) => before.includes(name))).toEqual([]);
  expect(load.byPod.size).toBeGreaterThanOrEqual(9);
  expect(load.done).toBeGreaterThan(2_000);
  // Of nine that left; a controller that is slow may say of one that it is gone without having said that it leaves.
  expect(drained.size).toBeGreaterThanOrEqual(7);
  expect(kubelet.problems).toEqual([]);
});

test('Pods that leave for good, to the last one', async () => {
  await using channel = open('kubernetes:///orders.prod:grpc');
  await channel.ready();
  await patch({ spec: { replicas: 0 } });
  await expect
    .poll(() => channel.snapshot().registry?.missing, { timeout: 30_000 })
    .toContain('Service orders in namespace prod: it has no Pods');
  await expect.poll(() => channel.snapshot().pods.length, { timeout: 10_000 }).toBe(0);
});
