import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type KubernetesOptions, kubernetes } from '@podwire/registry-kubernetes';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cutOff, letThrough } from '../servers/firewall.mjs';
import { type Kubernetes, startKubernetes } from '../servers/kubernetes.mjs';
import type { Running } from '../servers/process.mjs';
import { createChannel } from '../support/channel.ts';
import { demoClient, startOpenLoad } from '../support/demo-client.ts';
import {
  create,
  createNamespace,
  type MountedAccount,
  mountAccount,
  putSlice,
  rbacManifest,
} from '../support/kubernetes-objects.ts';
import { startPod } from '../support/pod-process.ts';
import { Relay } from '../support/relay.ts';

/** How long the registry is away: PODWIRE_KUBERNETES_FAULT_MS=60000 for the long version. */
const FAULT_MS = Number(process.env.PODWIRE_KUBERNETES_FAULT_MS ?? 6_000);
/** The kernel takes 15 s to know that a quiet connection is cut; what is cut for less waits for TCP to send again. */
const CUT_MS = Math.max(FAULT_MS, 20_000);
const BACK_MS = 2_000;

const [A, B, C, D, E] = [11, 12, 13, 14, 15].map((last) => `10.244.0.${last}`) as [
  string,
  string,
  string,
  string,
  string,
];
let cluster: Kubernetes;
let account: MountedAccount;
const pods = new Map<string, Running>();

async function setUp(): Promise<void> {
  await createNamespace(cluster);
  await create(cluster, rbacManifest);
  account = await mountAccount(cluster);
}

beforeAll(async () => {
  cluster = await startKubernetes({ audit: true });
  await setUp();
}, 180_000);
afterAll(async () => {
  account?.remove();
  await cluster?.close();
});

beforeEach(async () => {
  const started = await Promise.all(
    [A, B, C, D].map(async (address) => [address, await startPod(address)] as const),
  );
  for (const [address, pod] of started) pods.set(address, pod);
  await putSlice(cluster, 'orders-0', [A, B, C, D]);
}, 60_000);
afterEach(async () => {
  await Promise.all([...pods.values()].map((pod) => pod.stop()));
  pods.clear();
});

/** What podwire asked the API server for, in short. */
const asked = (from: number) =>
  cluster
    .audited()
    .slice(from)
    .filter(({ userAgent }) => userAgent === 'podwire')
    .map(({ verb, requestURI }) => (verb === 'list' && /[?&]limit=1(&|$)/.test(requestURI) ? 'probe' : verb));

/** One Pod is replaced while no watch can be told. */
async function replacePod(): Promise<void> {
  pods.set(E, await startPod(E));
  await pods.get(D)!.stop('SIGTERM');
  pods.delete(D);
}

interface Outage {
  readonly options: () => KubernetesOptions;
  readonly outageMs?: number;
  down(): Promise<void> | void;
  /** While no watch can be told. */
  meanwhile?(): Promise<void>;
  /** Ends when the registry answers again. */
  up(): Promise<void> | void;
  /** What the registry says then; resolves when it says all. */
  say?(): Promise<void>;
}

/** 500 calls a second through an outage in which a Pod is replaced; all succeed, and the new Pod is soon in use. */
async function endure({ options, outageMs = FAULT_MS, down, meanwhile, up, say }: Outage) {
  const begin = cluster.audited().length;
  await using channel = createChannel('kubernetes:///orders.prod:grpc', {
    registries: [kubernetes(options())],
  });
  await channel.ready();
  await expect.poll(() => channel.snapshot().pods.filter(({ state }) => state === 'ready').length).toBe(4);
  const errors: string[] = [];
  channel.events.on('registry', ({ lastError }) => {
    if (lastError !== undefined && errors.at(-1) !== lastError) errors.push(lastError);
  });
  const load = startOpenLoad(demoClient(channel), 500);
  await expect.poll(() => load.byPod.size).toBe(4);
  // Lists suffice for calls; the outage is to meet a watch.
  await expect.poll(() => asked(begin)).toContain('watch');
  const from = cluster.audited().length;
  const endMs = performance.now() + outageMs;
  await down();
  await replacePod();
  await meanwhile?.();
  await pause(endMs - performance.now());
  const atEnd = new Map(load.byPod);
  await up();
  const backMs = performance.now();
  const [newPodMs] = await Promise.all([
    expect
      .poll(() => load.byPod.has(E), { timeout: 20_000, interval: 5 })
      .toBe(true)
      .then(() => performance.now() - backMs),
    (say ?? (() => putSlice(cluster, 'orders-0', [A, B, C, E])))(),
  ]);
  // What lives was never left alone, whatever the registry said.
  await expect.poll(() => [A, B, C].every((pod) => load.byPod.get(pod)! > atEnd.get(pod)! + 20)).toBe(true);
  await expect.poll(() => channel.snapshot().registry?.state).toBe('watching');
  const requests = asked(from);
  const failures = await load.stop();
  console.log(
    `new Pod in use after ${newPodMs.toFixed(0)} ms; ${load.done} calls; ${requests.join(' ')}; ${errors.join(' | ')}`,
  );
  expect(failures).toEqual([]);
  expect(newPodMs).toBeLessThanOrEqual(BACK_MS);
  return { requests, errors, lists: requests.filter((request) => request === 'list').length };
}

const TIMEOUT = { timeout: FAULT_MS + CUT_MS + 60_000 };
const administrator = () => ({ kubeconfig: cluster.kubeconfigFile });
const consumer = () => account.options;

describe('500 calls/s, and a Pod replaced meanwhile', () => {
  test('the API server is killed', TIMEOUT, async () => {
    const { lists, requests } = await endure({
      options: consumer,
      down: () => cluster.apiServer.stop('SIGKILL'),
      up: () => cluster.apiServer.start(),
    });
    // A version from before the restart may be too old for it.
    expect(lists).toBeLessThanOrEqual(1);
    expect(requests.filter((request) => request === 'probe').length).toBeLessThanOrEqual(3);
  });

  test('the API server is stopped with SIGSTOP: the watch goes on', TIMEOUT, async () => {
    const { requests, lists } = await endure({
      options: consumer,
      down: () => cluster.apiServer.signal('SIGSTOP'),
      up: () => cluster.apiServer.signal('SIGCONT'),
    });
    // No new watch; a list when a Pod stops answering, because this watch has said nothing yet.
    expect(requests.filter((request) => request !== 'list')).toEqual([]);
    expect(lists).toBeLessThanOrEqual(1);
  });

  test('a firewall drops all packets, and what the API server said meanwhile', TIMEOUT, async () => {
    const relay = await new Relay(cluster.port).open();
    const env = { ...account.options.env, KUBERNETES_SERVICE_PORT: String(relay.port) };
    const { lists, errors } = await endure({
      options: () => ({ ...account.options, env }),
      outageMs: CUT_MS,
      down: () => cutOff(relay.port),
      // The cluster goes on without us.
      meanwhile: () => putSlice(cluster, 'orders-0', [A, B, C, E]),
      up: () => letThrough(relay.port),
      say: async () => {},
    });
    expect(lists).toBeLessThanOrEqual(1);
    expect(errors.join()).toContain('no connection to the API server');
    relay.close();
  });

  test('silence for longer than the idle time-out leads to one list', TIMEOUT, async () => {
    const { lists, errors } = await endure({
      options: () => ({ ...account.options, idleTimeoutMs: 2_000 }),
      down: () => cluster.apiServer.signal('SIGSTOP'),
      up: () => cluster.apiServer.signal('SIGCONT'),
    });
    expect(lists).toBe(1);
    expect(errors.join()).toContain('was silent for 2000 ms');
  });

  test('the store is wiped: living Pods are held, and the new one is found', TIMEOUT, async () => {
    const { lists } = await endure({
      options: administrator,
      async down() {
        await cluster.apiServer.stop('SIGKILL');
        await cluster.wipe();
        await cluster.apiServer.start();
      },
      up: setUp,
    });
    expect(lists).toBeLessThanOrEqual(1);
  });

  test('the store comes back with one Pod of four first', TIMEOUT, async () => {
    const { lists } = await endure({
      options: administrator,
      async down() {
        await cluster.apiServer.stop('SIGKILL');
        await cluster.wipe();
      },
      async up() {
        await cluster.apiServer.start();
        await setUp();
      },
      async say() {
        for (const known of [[E], [E, A], [E, A, B], [E, A, B, C]]) {
          await putSlice(cluster, 'orders-0', known);
          await pause(300);
        }
      },
    });
    expect(lists).toBeLessThanOrEqual(1);
  });
});

test('a cold start while the API server is down is served from the snapshot on disk', TIMEOUT, async () => {
  const snapshotDir = mkdtempSync(join(tmpdir(), 'podwire-snapshot-'));
  const open = () =>
    createChannel('kubernetes:///orders.prod:grpc', {
      registries: [kubernetes(account.options)],
      snapshotDir,
    });
  const first = open();
  await first.ready();
  await expect.poll(() => first.snapshot().pods.length).toBe(4);
  await first.close();
  await cluster.apiServer.stop('SIGKILL');
  await using second = open();
  await second.ready();
  await expect.poll(() => second.snapshot().registry?.lastError).toContain('ECONNREFUSED');
  expect(second.snapshot()).toMatchObject({ registry: { source: 'snapshot' } });
  const load = startOpenLoad(demoClient(second), 100);
  await expect.poll(() => load.byPod.size).toBe(4);
  await cluster.apiServer.start();
  await expect.poll(() => second.snapshot().registry?.source, { timeout: 5_000 }).toBe('registry');
  expect(await load.stop()).toEqual([]);
  rmSync(snapshotDir, { recursive: true });
});
