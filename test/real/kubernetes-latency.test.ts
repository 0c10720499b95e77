import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { kubernetes } from '@podwire/registry-kubernetes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kubernetes, startKubernetes } from '../servers/kubernetes.mjs';
import type { Running } from '../servers/process.mjs';
import { createChannel } from '../support/channel.ts';
import { call, type DemoClient, demoClient } from '../support/demo-client.ts';
import {
  create,
  createNamespace,
  type MountedAccount,
  mountAccount,
  putSlice,
  rbacManifest,
} from '../support/kubernetes-objects.ts';
import { startPod } from '../support/pod-process.ts';

const [A, B, X] = ['10.244.0.11', '10.244.0.12', '10.244.0.13'] as const;
let cluster: Kubernetes;
let account: MountedAccount;
let pods: Running[] = [];

beforeAll(async () => {
  cluster = await startKubernetes({ audit: true });
  await createNamespace(cluster);
  await create(cluster, rbacManifest);
  account = await mountAccount(cluster);
  pods = await Promise.all([A, B, X].map((address) => startPod(address)));
}, 180_000);
afterAll(async () => {
  account?.remove();
  await Promise.all(pods.map((pod) => pod.stop()));
  await cluster?.close();
});

/** By nearest rank: of a hundred samples the 99th percentile is not the worst. */
const quantile = (sorted: readonly number[], q: number) => sorted[Math.ceil(sorted.length * q) - 1]!;

/** When a call was made, and the Pod that answered it. */
interface Trace {
  readonly startedMs: number;
  readonly pod: string;
}

function startTrace(client: DemoClient) {
  let running = true;
  const calls: Trace[] = [];
  // A call every millisecond or two, whatever became of those before.
  const loop = async () => {
    const open = new Set<Promise<void>>();
    while (running) {
      const startedMs = performance.now();
      const made = call(client).then((pod) => {
        calls.push({ startedMs, pod });
        open.delete(made);
      });
      open.add(made);
      await pause(1);
    }
    await Promise.all(open);
  };
  const over = loop();
  return {
    calls,
    async stop() {
      running = false;
      await over;
    },
  };
}

const SAMPLES = 100;
/** Changes are independent of each other: what comes within 50 ms of another is taken in with a later one. */
const BETWEEN_MS = 120;

/** Pods that do not answer are tried at growing intervals; thousands of them keep a process busy at first. */
async function untilCalm(): Promise<void> {
  let before = performance.eventLoopUtilization();
  const busy = () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
  await expect.poll(busy, { interval: 1_000, timeout: 30_000 }).toBeLessThan(0.5);
}

async function measure(others: readonly string[]) {
  await putSlice(cluster, 'orders-0', [A, B, ...others]);
  await using channel = createChannel('kubernetes:///orders.prod:grpc', {
    registries: [kubernetes(account.options)],
    policy: 'round_robin',
  });
  await channel.ready();
  await untilCalm();
  const trace = startTrace(demoClient(channel));
  const added: number[] = [];
  const removed: number[] = [];
  for (let i = -5; i < SAMPLES; i++) {
    await putSlice(cluster, 'orders-0', [A, B, X, ...others]);
    const addedMs = performance.now();
    const isUsed = () => trace.calls.some(({ pod }) => pod === X);
    await expect.poll(isUsed, { interval: 2, timeout: 5_000 }).toBe(true);
    const first = Math.min(...trace.calls.filter(({ pod }) => pod === X).map(({ startedMs }) => startedMs));
    await pause(BETWEEN_MS * (0.8 + 0.4 * Math.random()));
    await putSlice(cluster, 'orders-0', [A, B, ...others]);
    const removedMs = performance.now();
    await pause(BETWEEN_MS * (0.8 + 0.4 * Math.random()));
    const last = Math.max(...trace.calls.filter(({ pod }) => pod === X).map(({ startedMs }) => startedMs));
    const knows = Math.min(...trace.calls.map(({ startedMs }) => startedMs).filter((ms) => ms > last));
    trace.calls.length = 0;
    // The first rounds warm up.
    if (i < 0) continue;
    added.push(Math.max(first - addedMs, 0));
    removed.push(Math.max(knows - removedMs, 0));
  }
  await trace.stop();
  return { added: added.sort((a, b) => a - b), removed: removed.sort((a, b) => a - b) };
}

/** From the API server's answer to the first call, over so many samples. */
const P50_MS = 15;
const P99_MS = 60;

describe('from the response to a write until the first call that knows of it', () => {
  test.each([
    { endpoints: 3, slices: 1 },
    { endpoints: 3_000, slices: 30 },
  ])('$endpoints endpoints in $slices slices', { timeout: 180_000 }, async ({ endpoints, slices }) => {
    // Nothing is there: what does not answer must cost nothing.
    const elsewhere = Array.from({ length: endpoints - 3 }, (_, i) => `10.245.${i >> 8}.${i & 255}`);
    const perSlice = Math.ceil(endpoints / slices);
    for (let i = 1; i < slices; i++) {
      await putSlice(cluster, `orders-${i}`, elsewhere.slice((i - 1) * perSlice, i * perSlice));
    }
    const rest = elsewhere.slice((slices - 1) * perSlice);
    let { added, removed } = await measure(rest);
    // What seems slow is measured once more: a machine that does other things as well has bad moments.
    if (quantile(added, 0.5) > P50_MS || quantile(added, 0.99) > P99_MS)
      ({ added, removed } = await measure(rest));
    for (const [what, times] of Object.entries({ added, removed })) {
      const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
      console.log(
        `${endpoints} endpoints, a Pod ${what}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      );
      expect(p50, `p50 of a Pod ${what}`).toBeLessThanOrEqual(P50_MS);
      expect(p99, `p99 of a Pod ${what}`).toBeLessThanOrEqual(P99_MS);
    }
    for (let i = 1; i < slices; i++) await putSlice(cluster, `orders-${i}`, []);
  });
});

test('100 clients in 4 processes are 4 lists and 4 watches for the API server', {
  timeout: 60_000,
}, async () => {
  await putSlice(cluster, 'orders-0', [A, B]);
  const before = cluster.audited().length;
  const script = fileURLToPath(new URL('../support/kubernetes-clients.mjs', import.meta.url));
  const env = { ...process.env, ...account.options.env, KUBECONFIG: '' };
  const children: ChildProcess[] = [];
  const said = Array.from({ length: 4 }, (_, i) => {
    const child = spawn(process.execPath, [script, account.dir, '25'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const log: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => log.push(...text.trim().split('\n')));
    child.once('exit', (code) => log.push(`process ${i} ended with ${code}`));
    return log;
  });
  const last = () => said.map((log) => log.at(-1));
  await expect.poll(last, { timeout: 30_000 }).toEqual(Array(4).fill('ready 2'));
  await putSlice(cluster, 'orders-0', [A, B, X]);
  await expect.poll(last, { timeout: 10_000 }).toEqual(Array(4).fill('ready 3'));
  const asked = cluster
    .audited()
    .slice(before)
    .filter(({ userAgent }) => userAgent === 'podwire');
  expect(asked.map(({ verb }) => verb).sort()).toEqual([...Array(4).fill('list'), ...Array(4).fill('watch')]);
  for (const child of children) child.stdin?.end();
  await expect.poll(last, { timeout: 10_000 }).toEqual([0, 1, 2, 3].map((i) => `process ${i} ended with 0`));
});
