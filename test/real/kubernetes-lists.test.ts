import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ServiceWatch,
  systemClock,
  systemRandom,
  type WatchStatus,
  watchService,
} from '@podwire/registry';
import { kubernetes } from '@podwire/registry-kubernetes';
import { afterEach, expect, test } from 'vitest';
import { type Kubernetes, startKubernetes } from '../servers/kubernetes.mjs';
import { createNamespace, pathOf, putSlice } from '../support/kubernetes-objects.ts';
import { KubernetesProxy } from '../support/kubernetes-proxy.ts';

const home = mkdtempSync(join(tmpdir(), 'podwire-gone-'));
let cluster: Kubernetes;
let proxy: KubernetesProxy;
let watch: ServiceWatch;
let statuses: WatchStatus[] = [];

afterEach(async () => {
  watch?.close();
  proxy?.close();
  await cluster?.close();
  rmSync(home, { recursive: true, force: true });
});

async function start(apiServerArguments: readonly string[]): Promise<void> {
  cluster = await startKubernetes({ apiServerArguments });
  await createNamespace(cluster);
  proxy = await new KubernetesProxy(cluster).open();
}

function follow(): void {
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'prod' } }],
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${proxy.port}` } }],
    users: [{ name: 'u', user: {} }],
  };
  const file = join(mkdtempSync(`${home}-`), 'kubeconfig');
  writeFileSync(file, JSON.stringify(config));
  statuses = [];
  const options = { clock: systemClock, random: systemRandom };
  watch = watchService(kubernetes({ kubeconfig: file }), 'orders:grpc', options, {
    onSet() {},
    onStatus: (status) => statuses.push(status),
  });
}

const hosts = () => watch.set?.endpoints.map(({ host }) => host).sort();
const errors = () =>
  new Set(statuses.map(({ lastError }) => lastError ?? '').filter((error) => error !== ''));

/** Makes the store forget all versions before now. */
async function compact(): Promise<void> {
  const { metadata } = await cluster.must('GET', pathOf('EndpointSlice'));
  const body = JSON.stringify({ revision: metadata.resourceVersion, physical: true });
  const reply = await fetch(`${cluster.etcdUrl}/v3/kv/compaction`, { method: 'POST', body });
  expect(reply.status).toBe(200);
}

test('a version that the store forgot is 410 in the stream or of a page, and one list each', {
  timeout: 120_000,
}, async () => {
  // Without its cache the API server asks the store, which forgets on demand.
  await start(['--watch-cache-sizes=endpointslices.discovery.k8s.io#0']);
  await putSlice(cluster, 'orders-0', ['10.244.0.11']);
  await putSlice(cluster, 'orders-1', ['10.244.0.12']);
  follow();
  await expect.poll(hosts).toEqual(['10.244.0.11', '10.244.0.12']);
  await expect.poll(() => proxy.seen).toEqual(['list 200', 'watch 200']);
  proxy.close();
  await cluster.must('DELETE', `${pathOf('EndpointSlice')}/orders-1`);
  for (const last of [13, 14, 15]) await putSlice(cluster, 'orders-0', [`10.244.0.${last}`]);
  await compact();
  proxy.seen.length = 0;
  await proxy.open();
  await expect.poll(hosts, { timeout: 10_000 }).toEqual(['10.244.0.15']);
  await expect.poll(() => proxy.seen).toEqual(['probe 200', 'watch 200', 'list 200', 'watch 200']);
  expect([...errors()].filter((error) => error.includes('too old'))).toEqual([]);
  watch.close();

  // More than a page; what the first page said is forgotten before the second is asked for.
  for (let i = 0; i < 101; i++) await putSlice(cluster, `orders-${i}`, [`10.245.0.${i}`]);
  proxy.seen.length = 0;
  let forgot = false;
  proxy.before = async (kind) => {
    if (kind !== 'next' || forgot) return;
    forgot = true;
    await putSlice(cluster, 'orders-0', ['10.245.0.200']);
    await compact();
  };
  follow();
  await expect.poll(() => hosts()?.length, { timeout: 10_000 }).toBe(101);
  expect(hosts()).toContain('10.245.0.200');
  await expect.poll(() => proxy.seen).toEqual(['list 200', 'next 410', 'list 200', 'watch 200']);
  expect([...errors()]).toEqual([]);
});

test('Endpoints are taken where the API server has no EndpointSlices', { timeout: 120_000 }, async () => {
  // No API server that can still be built is that old, and one that is told not to serve them is never ready.
  await start([]);
  proxy.without = 'endpointslices';
  const endpoints = (...ips: string[]) => ({
    metadata: { name: 'orders' },
    subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ name: 'grpc', port: 50_051 }] }],
  });
  await cluster.must('POST', pathOf('Endpoints'), endpoints('10.244.0.11'));
  follow();
  await expect.poll(hosts).toEqual(['10.244.0.11']);
  await cluster.must('PUT', `${pathOf('Endpoints')}/orders`, endpoints('10.244.0.11', '10.244.0.12'));
  await expect.poll(hosts).toEqual(['10.244.0.11', '10.244.0.12']);
  await cluster.must('DELETE', `${pathOf('Endpoints')}/orders`);
  await expect.poll(() => watch.status.missing).toContain('there are no endpoints of a Service orders');
  expect(proxy.seen).toEqual(['list 404', 'list 200', 'watch 200']);
});

test('behind a proxy that buffers, every change is found by lists, and the status says so', {
  timeout: 180_000,
}, async () => {
  await start([]);
  // More than the first changes have, so that the last one is held back.
  proxy.buffersBytes = 2_048;
  await putSlice(cluster, 'orders-0', ['10.244.0.11']);
  follow();
  // The watch after the list is not waited for.
  await expect.poll(hosts, { timeout: 5_000 }).toEqual(['10.244.0.11']);
  await expect.poll(() => watch.status.lastError, { timeout: 15_000 }).toContain('only lists pass');
  for (const last of [12, 13, 14, 15]) {
    await putSlice(cluster, 'orders-0', [`10.244.0.${last}`]);
    await expect.poll(hosts, { timeout: 12_000 }).toEqual([`10.244.0.${last}`]);
  }
  expect(watch.status.lastError).toContain('only lists pass');
  proxy.buffersBytes = undefined;
  proxy.close();
  await proxy.open();
  await expect.poll(() => watch.status.lastError, { timeout: 30_000 }).toBe(undefined);
  const lists = () => proxy.seen.filter((seen) => seen.startsWith('list')).length;
  const before = lists();
  await putSlice(cluster, 'orders-0', ['10.244.0.16']);
  await expect.poll(hosts).toEqual(['10.244.0.16']);
  expect(lists()).toBe(before);
});
