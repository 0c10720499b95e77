import { Block, type MonitorFactory } from '@podwire/balancer';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { createRoute, singleRoute } from '@podwire/routing';
import { expect, test } from 'vitest';
import type { ChannelParts } from '../../packages/client/src/channel/channel.ts';
import type { ChannelOptions } from '../../packages/client/src/options/channel-options.ts';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';
import { counted, fleet } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const [A, B, C] = PODS;
const WINDOW_MS = 100_000;
const slowStart = { windowMs: WINDOW_MS };

/** A channel to the first Pods; the registry may name others later. */
async function open(first: readonly string[], options: ChannelOptions, parts: ChannelParts = {}) {
  const registry = new ScriptedRegistry();
  const at = await fleet(PODS, parts, { ...options, registries: [registry] });
  registry.reset(...first);
  await at.clock.advance(1_000);
  const share = async (pod: string, calls: number) =>
    (100 * (counted(await at.calls(calls))[pod] ?? 0)) / calls;
  return { ...at, registry, share };
}

const within = (percent: number, expected: number, by: number) => {
  expect(percent).toBeGreaterThan(expected - by);
  expect(percent).toBeLessThan(expected + by);
};

test.each([
  ['round_robin', 1],
  ['weighted_round_robin', 1],
  ['random', 4],
  ['least_request', 4],
] as const)(
  'under %s a Pod that joins begins with a tenth of its share, and has all of it in the end',
  async (policy, by) => {
    const { clock, registry, share, close } = await open([A, B], { policy, slowStart });
    registry.upsert(C);
    await clock.advance(200);
    within(await share(C, 420), (100 * 0.1) / 2.1, by);
    await clock.advance(WINDOW_MS / 2 - 620);
    within(await share(C, 500), (100 * 0.5) / 2.5, by);
    await clock.advance(WINDOW_MS / 2);
    within(await share(C, 600), 100 / 3, by);
    expect(await close()).toBe(0);
  },
);

test('under peak_ewma, where no call is in flight, a Pod that joins gets some calls, and fewer than others', async () => {
  const { clock, registry, share, close } = await open([A, B], { policy: 'peak_ewma', slowStart });
  registry.upsert(C);
  await clock.advance(200);
  within(await share(C, 500), 10, 7);
  await clock.advance(WINDOW_MS);
  within(await share(C, 600), 100 / 3, 6);
  expect(await close()).toBe(0);
});

test('aggression and the least share shape the rise', async () => {
  const options = {
    policy: 'round_robin',
    slowStart: { ...slowStart, aggression: 2, minWeightPercent: 25 },
  } as const;
  const { clock, registry, share, close } = await open([A, B], options);
  registry.upsert(C);
  await clock.advance(200);
  within(await share(C, 450), (100 * 0.25) / 2.25, 1);
  await clock.advance(WINDOW_MS / 4 - 650);
  within(await share(C, 500), (100 * 0.5) / 2.5, 1);
  expect(await close()).toBe(0);
});

test("a client's first set is not new, and neither is one that replaces all Pods", async () => {
  const { clock, registry, calls, close } = await open([A, B, C], { policy: 'round_robin', slowStart });
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  registry.reset(A);
  await clock.advance(60_000);
  registry.reset(B, C);
  await clock.advance(60_000);
  expect(counted(await calls(30))).toEqual({ [B]: 15, [C]: 15 });
  expect(await close()).toBe(0);
});

test('where keys or an order decide, a Pod that joins has its share at once', async () => {
  const keyed = await open([A, B], { policy: 'maglev', hashKey: { header: 'key' }, slowStart });
  keyed.registry.upsert(C);
  await keyed.clock.advance(200);
  const seen: string[] = [];
  for (let key = 0; key < 60; key++) seen.push(...(await keyed.calls(1, { key: String(key) })));
  expect(counted(seen)[C]).toBeGreaterThan(10);
  expect(await keyed.close()).toBe(0);
  const first = await open([A], { policy: 'pick_first', slowStart });
  first.registry.reset(B);
  await first.clock.advance(200);
  expect(counted(await first.calls(10))).toEqual({ [B]: 10 });
  expect(await first.close()).toBe(0);
});

test('a Pod that returns from ejection begins anew', async () => {
  /** Ejects one Pod for a second. */
  const ejector: MonitorFactory = (control) => {
    type Watched = Parameters<typeof control.block>[0];
    let out: Watched | undefined;
    return {
      name: 'ejector',
      onReady(pod, nowMs) {
        if (pod.id !== A) return;
        out = pod;
        control.block(pod, Block.EJECTED);
        control.tickAt(nowMs + 3_000);
      },
      tick() {
        control.unblock(out!, Block.EJECTED);
        return undefined;
      },
    };
  };
  const routing = {
    routes: singleRoute<MethodConfig>(createRoute('all', 'all', {})),
    clusters: [{ name: 'all', monitors: [ejector] }],
  };
  const { clock, share, close } = await open(PODS, { policy: 'round_robin', slowStart }, { routing });
  expect(await share(A, 30)).toBe(0);
  await clock.advance(3_000);
  within(await share(A, 420), (100 * 0.1) / 2.1, 2);
  await clock.advance(WINDOW_MS);
  within(await share(A, 300), 100 / 3, 1);
  expect(await close()).toBe(0);
});

test('a Pod that has not reported yet rises to the mean of those that have', async () => {
  const policy = { weighted_round_robin: { blackoutPeriod: '0.1s', weightExpirationPeriod: '3600s' } };
  const { clock, pod, registry, calls, share, close } = await open([A, B], { policy, slowStart });
  for (const [address, cpu] of [
    [A, 0.2],
    [B, 0.4],
  ] as const) {
    const report = Buffer.alloc(18);
    report[0] = 0x09;
    report.writeDoubleLE(cpu, 1);
    report[9] = 0x31;
    report.writeDoubleLE(100, 10);
    pod(address).onCall = (call) => {
      call.onHalfClose = () => {
        call.reply(Buffer.from(address));
        call.end(0, undefined, ['endpoint-load-metrics-bin', report.toString('base64')]);
      };
    };
  }
  await calls(10);
  await clock.advance(2_000);
  registry.upsert(C);
  await clock.advance(1_200);
  // 5 to 2.5 to a tenth of their mean.
  within(await share(C, 500), (100 * 0.375) / 7.875, 1);
  expect(await close()).toBe(0);
});
