import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, createChannel } from 'podwire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startGoPod } from '../promises/pods/go-pod.mjs';
import { freePort } from '../servers/process.mjs';

type GoPod = Awaited<ReturnType<typeof startGoPod>>;

let directory: string;
let pods: { readonly address: string; readonly pod: GoPod }[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-watches-'));
  pods = [];
});
afterEach(async () => {
  for (const { pod } of pods) pod.signal('SIGKILL');
  await Promise.all(pods.map(({ pod }) => pod.exited));
  rmSync(directory, { recursive: true, force: true });
});

/** Pods of grpc-go, with its own health service and load reports. */
async function start(count: number, extra: (i: number) => object) {
  for (let i = 0; i < count; i++) {
    const port = await freePort();
    const log = join(directory, `${i}.log`);
    const options = { host: '127.0.0.1', port, log, tls: false, ...extra(i) };
    const pod = await startGoPod(options as Parameters<typeof startGoPod>[0]);
    pods.push({ address: `127.0.0.1:${port}`, pod });
  }
}

const raw = (bytes: Buffer) => bytes;
async function open(options: ChannelOptions) {
  const channel = createChannel(`static:///${pods.map(({ address }) => address).join(',')}`, {
    name: 'fleet',
    ...options,
  });
  await channel.ready();
  const client = new grpc.Client('', grpc.credentials.createInsecure(), { channelOverride: channel });
  const once = () =>
    new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest('/promises.Fleet/Get', raw, raw, Buffer.from('x'), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  /** How many of so many calls each Pod gets. */
  const shares = async (calls: number) => {
    const before = channel.snapshot().pods.map((pod) => pod.calls);
    for (let i = 0; i < calls; i += 10) await Promise.all(Array.from({ length: 10 }, once));
    return channel.snapshot().pods.map((pod, i) => pod.calls - before[i]!);
  };
  return { channel, shares };
}

test("a Pod's word in grpc-go's health service decides whether it gets new calls", async () => {
  await start(2, () => ({ health: true }));
  const { channel, shares } = await open({ policy: 'round_robin', health: { serviceName: 'fleet' } });
  await using _ = channel;
  const health = () => channel.snapshot().pods.map((pod) => pod.health);
  await expect.poll(health).toEqual(['SERVING', 'SERVING']);
  expect(await shares(20)).toEqual([10, 10]);
  await pods[0]!.pod.ask('health', false);
  await expect.poll(health).toEqual(['NOT_SERVING', 'SERVING']);
  expect(await shares(20)).toEqual([0, 20]);
  await pods[0]!.pod.ask('health', true);
  await expect.poll(health).toEqual(['SERVING', 'SERVING']);
  expect(await shares(20)).toEqual([10, 10]);
  expect(channel.snapshot().pods.map((pod) => pod.connections)).toEqual([1, 1]);
});

test('a grpc-go server without a health service counts as healthy', async () => {
  await start(1, () => ({}));
  const { channel, shares } = await open({ health: {} });
  await using _ = channel;
  await expect.poll(() => channel.snapshot().pods[0]?.health).toBe('UNIMPLEMENTED');
  expect(await shares(10)).toEqual([10]);
});

test.each([
  ['with calls', {}],
  ['apart from calls', { enableOobLoadReport: true, oobReportingPeriod: '1s' }],
])(
  "weights come from what grpc-go's servers report %s, and a silent one has the mean",
  async (_name, how) => {
    const utilizations = [0.2, 0.4];
    await start(3, (i) => {
      const utilization = utilizations[i];
      return utilization === undefined
        ? {}
        : { rules: { '*': { delayMs: 0, load: { utilization, qps: 100 } } } };
    });
    const options = { blackoutPeriod: '0.1s', weightUpdatePeriod: '0.1s', ...how };
    const { channel, shares } = await open({ policy: { weighted_round_robin: options } });
    await using _ = channel;
    const off = async () => {
      const percent = (await shares(300)).map((calls) => calls / 3);
      return Math.max(...[44.4, 22.2, 33.3].map((share, i) => Math.abs(percent[i]! - share) / share));
    };
    await expect.poll(off, { timeout: 10_000 }).toBeLessThan(0.1);
  },
);
