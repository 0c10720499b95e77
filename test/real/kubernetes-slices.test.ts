import { type Endpoint, systemClock, systemRandom, watchService } from '@podwire/registry';
import { kubernetes } from '@podwire/registry-kubernetes';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../servers/build.mjs';
import { type Kubernetes, startKubernetes } from '../servers/kubernetes.mjs';
import { createChannel } from '../support/channel.ts';
import { call, demoClient } from '../support/demo-client.ts';
import {
  create,
  createNamespace,
  type MountedAccount,
  mountAccount,
  pathOf,
  rbacManifest,
} from '../support/kubernetes-objects.ts';
import { startPod } from '../support/pod-process.ts';

let cluster: Kubernetes;
let account: MountedAccount;

beforeAll(async () => {
  cluster = await startKubernetes({ audit: true });
  await createNamespace(cluster);
  await create(cluster, rbacManifest);
  account = await mountAccount(cluster);
}, 180_000);
afterAll(async () => {
  account?.remove();
  await cluster?.close();
});

/** Every test has a Service of its own. */
let service = '';
let services = 0;
const closing: (() => void)[] = [];
beforeEach(() => {
  service = `orders-${++services}`;
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Document = Readonly<Record<string, unknown>>;
const slices = pathOf('EndpointSlice');
const [A, B, C] = ['10.244.0.11', '10.244.0.12', '10.244.0.13'] as const;
const pod = (address: string, rest: Document = {}) => ({ addresses: [address], ...rest });

/** A slice as a person writes it by hand. */
const slice = (name: string, endpoints: readonly Document[], rest: Document = {}) => ({
  metadata: { name: `${service}-${name}`, labels: { 'kubernetes.io/service-name': service } },
  ...{ addressType: 'IPv4', ports: [{ name: 'grpc', port: 50_051 }], endpoints },
  ...rest,
});
const post = (name: string, endpoints: readonly Document[], rest?: Document) =>
  cluster.must('POST', slices, slice(name, endpoints, rest));
const put = (name: string, endpoints: readonly Document[], rest?: Document) =>
  cluster.must('PUT', `${slices}/${service}-${name}`, slice(name, endpoints, rest));
const remove = (name: string) => cluster.must('DELETE', `${slices}/${service}-${name}`);

/** What a channel would see, with the least rights. */
function follow(port = '') {
  const from = cluster.audited().length;
  const sets: (readonly Endpoint[])[] = [];
  const watch = watchService(
    kubernetes(account.options),
    `${service}.prod${port}`,
    { clock: systemClock, random: systemRandom },
    { onSet: ({ endpoints }) => sets.push(endpoints) },
  );
  closing.push(() => watch.close());
  return {
    watch,
    sets,
    ids: () => watch.set?.endpoints.map(({ id }) => id).sort(),
    phases: () => Object.fromEntries(watch.set?.endpoints.map(({ host, phase }) => [host, phase]) ?? []),
    lists: () =>
      cluster
        .audited()
        .slice(from)
        .filter(({ verb, userAgent }) => verb === 'list' && userAgent === 'podwire').length,
  };
}

describe('addresses', () => {
  test('a Pod with IPv6 alone is called', async () => {
    const address = 'fd00:10:244::11';
    run('ip', ['-6', 'address', 'add', `${address}/128`, 'dev', 'lo', 'nodad']);
    const running = await startPod(`[${address}]`);
    await post('v6', [pod(address)], { addressType: 'IPv6' });
    await using channel = createChannel(`kubernetes:///${service}.prod:grpc`, {
      registries: [kubernetes(account.options)],
    });
    expect(await call(demoClient(channel))).toBe(`[${address}]`);
    await running.stop();
  });

  test('a Pod that has both is one, under the first of addressTypes', async () => {
    const targetRef = { kind: 'Pod', name: 'orders-0', uid: '0b1f6bd1-3a4c-4d3e-8a51-0a8a9d6c7b11' };
    await post('v4', [pod(A, { targetRef })]);
    await post('v6', [pod('fd00::11', { targetRef }), pod('fd00::12')], { addressType: 'IPv6' });
    const { ids } = follow();
    await expect.poll(ids).toEqual([`${A}:50051`, '[fd00::12]:50051']);
  });

  test('names are endpoints too', async () => {
    await post('names', [pod('db.example.com')], { addressType: 'FQDN' });
    const { ids } = follow();
    await expect.poll(ids).toEqual(['db.example.com:50051']);
  });
});

describe('ports', () => {
  test('a Service without a selector and without a port name', async () => {
    const spec = { clusterIP: 'None', ports: [{ port: 50_051 }] };
    await cluster.must('POST', pathOf('Service'), { metadata: { name: service }, spec });
    await post('by-hand', [pod(A)], { ports: [{ port: 50_051 }] });
    for (const port of ['', ':50051']) {
      const { ids } = follow(port);
      await expect.poll(ids).toEqual([`${A}:50051`]);
    }
  });

  test('slices that give one name to different numbers', async () => {
    await post('old', [pod(A)], { ports: [{ name: 'grpc', port: 50_051 }] });
    await post('new', [pod(B)], {
      ports: [
        { name: 'grpc', port: 50_052 },
        { name: 'metrics', port: 9_090 },
      ],
    });
    const named = follow(':grpc');
    await expect.poll(named.ids).toEqual([`${A}:50051`, `${B}:50052`]);
    const numbered = follow(':50052');
    await expect.poll(numbered.ids).toEqual([`${B}:50052`]);
    const metrics = follow(':metrics');
    await expect.poll(metrics.ids).toEqual([`${B}:9090`]);
    // All three look at one list and one watch.
    expect(metrics.lists()).toBe(0);
  });
});

test('conditions mean what the API says, nil ones included', async () => {
  const states: Readonly<Record<string, Document | undefined>> = {
    '10.244.0.11': undefined,
    '10.244.0.12': {},
    '10.244.0.13': { ready: true, serving: true, terminating: false },
    '10.244.0.14': { ready: false, serving: true, terminating: true },
    '10.244.0.15': { ready: false, serving: false, terminating: true },
    '10.244.0.16': { ready: false },
    '10.244.0.17': { serving: true },
    '10.244.0.18': { terminating: true },
  };
  const endpoints = Object.entries(states).map(([address, conditions]) => pod(address, { conditions }));
  await post('all', endpoints);
  const { phases } = follow();
  await expect.poll(phases).toEqual({
    '10.244.0.11': 'serving',
    '10.244.0.12': 'serving',
    '10.244.0.13': 'serving',
    '10.244.0.14': 'draining',
    '10.244.0.17': 'serving',
    '10.244.0.18': 'draining',
  });
  // As a Pod ends: it serves to the last, and then it does not.
  await put('all', [pod(A, { conditions: { ready: false, serving: true, terminating: true } }), pod(B)]);
  await expect.poll(phases).toEqual({ [A]: 'draining', [B]: 'serving' });
  await put('all', [pod(A, { conditions: { ready: false, serving: false, terminating: true } }), pod(B)]);
  await expect.poll(phases).toEqual({ [B]: 'serving' });
});

describe('slices that come and go are followed by one list', () => {
  test('an endpoint that moves to another slice, in which both have it for a moment, never leaves', async () => {
    await post('a', [pod(A), pod(B)]);
    const { ids, sets, lists } = follow();
    await expect.poll(ids).toEqual([`${A}:50051`, `${B}:50051`]);
    await post('b', [pod(B), pod(C)]);
    await put('a', [pod(A)]);
    await remove('a');
    await expect.poll(ids).toEqual([`${B}:50051`, `${C}:50051`]);
    expect(sets.every((set) => set.some(({ host }) => host === B))).toBe(true);
    expect(lists()).toBe(1);
  });

  test('a slice that is given to another Service, and back', async () => {
    await post('a', [pod(A)]);
    await post('b', [pod(B)]);
    const { ids, lists, watch } = follow();
    await expect.poll(ids).toEqual([`${A}:50051`, `${B}:50051`]);
    const labels = (name: string) =>
      cluster.must('PATCH', `${slices}/${service}-b`, {
        metadata: { labels: { 'kubernetes.io/service-name': name } },
      });
    await labels('another');
    await expect.poll(ids).toEqual([`${A}:50051`]);
    await labels(service);
    await expect.poll(ids).toEqual([`${A}:50051`, `${B}:50051`]);
    expect(watch.status).toMatchObject({ state: 'watching', lastError: undefined, dropped: [] });
    expect(lists()).toBe(1);
  });

  test('all of them deleted, and made again under the same names', async () => {
    await post('a', [pod(A)]);
    const { ids, lists, watch } = follow();
    await expect.poll(ids).toEqual([`${A}:50051`]);
    await remove('a');
    await expect.poll(ids).toEqual([]);
    expect(watch.status.missing).toContain(`of a Service ${service} in namespace prod`);
    await post('a', [pod(B)]);
    await expect.poll(ids).toEqual([`${B}:50051`]);
    await remove('a');
    await post('a', [pod(C)]);
    await expect.poll(ids).toEqual([`${C}:50051`]);
    expect(lists()).toBe(1);
  });
});
