import { createPolicy } from '@podwire/balancer';
import { createRoute, createRouteTable } from '@podwire/routing';
import { expect, test } from 'vitest';
import type { ChannelOptions } from '../../packages/client/src/options/channel-options.ts';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';
import { counted, type FleetCall, fleet, seeded } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const [A, B, C] = PODS;
const options = (some: ChannelOptions) => parseOptions({ name: 'orders', ...some });
const codes = (calls: readonly FleetCall[]) => calls.map(({ status }) => status?.code);
const SPREADING = [
  'least_request',
  'round_robin',
  'random',
  'maglev',
  'ring_hash',
  'zone_aware',
  'peak_ewma',
] as const;
const timeouts = (timeout: string) => ({ methodConfig: [{ name: [{}], timeout }] });

test.each([
  ['that use every Pod', SPREADING],
  ['of which one uses a Pod at a time', [...SPREADING, 'pick_first', 'pick_first'] as const],
])('policies %s take turns every few milliseconds, and no call fails', async (_, policies) => {
  const { clock, channel, pod, start, calls, close } = await fleet(PODS, {}, { policy: 'round_robin' });
  for (const address of PODS) pod(address).latencyMs = 3;
  const random = seeded(11);
  const all: FleetCall[] = [];
  for (let i = 0; i < 200; i++) {
    all.push(start(), start());
    const policy = policies[Math.floor(random() * policies.length)]!;
    if (i % 3 === 0)
      channel.apply(options({ policy, drainMs: i, serviceConfig: timeouts(`${1 + (i % 5)}s`) }));
    await clock.advance(1);
  }
  await clock.advance(300);
  expect(counted(codes(all).map(String))).toEqual({ 0: 400 });
  const usesAll = policies === SPREADING;
  if (usesAll) expect(PODS.map((address) => pod(address).attempts)).toEqual([1, 1, 1]);
  // What the policies did does not last.
  channel.apply(options({ policy: 'round_robin' }));
  for (const address of PODS) pod(address).latencyMs = 0;
  await clock.advance(10_000);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(PODS.map((address) => pod(address).connections.size)).toEqual([1, 1, 1]);
  expect(await close()).toBe(0);
});

test('calls on Pods that a policy lets go of finish there', async () => {
  const { clock, channel, pod, start, close } = await fleet(PODS, {}, { policy: 'round_robin' });
  for (const address of PODS) pod(address).onCall = () => {};
  const open = [start(), start(), start()];
  await clock.advance(1);
  channel.apply(options({ policy: 'pick_first' }));
  await clock.advance(60_000);
  expect(codes(open)).toEqual([undefined, undefined, undefined]);
  for (const address of PODS) for (const call of pod(address).calls) call.end(0);
  await clock.advance(1);
  expect(codes(open)).toEqual([0, 0, 0]);
  expect(PODS.reduce((sum, address) => sum + pod(address).connections.size, 0)).toBe(1);
  expect(await close()).toBe(0);
});

test('a call that waits takes the Pod that the new policy has, or ends when it was to', async () => {
  const waiting = { timeoutMs: 1_000 };
  const policy = { pick_first: { shuffleAddressList: false } };
  const once = { policy, waiting, maxConnectionsPerPod: 1 };
  const { clock, channel, pod, start, close } = await fleet([A, B], {}, once);
  for (const address of [A, B]) {
    pod(address).limit(1);
    pod(address).onCall = () => {};
  }
  await clock.advance(10);
  const [onA, first, second] = [start(), start(), start()];
  await clock.advance(500);
  expect([pod(A).calls.length, channel.snapshot().calls.waiting]).toEqual([1, 2]);
  channel.apply(options({ policy: 'round_robin', waiting: { timeoutMs: 60_000 } }));
  await clock.advance(400);
  expect([pod(B).calls.length, channel.snapshot().calls.waiting]).toEqual([1, 1]);
  const later = start();
  await clock.advance(1_000);
  // The queue has stood for so long that the newest call is served first.
  expect(codes([onA, second])).toEqual([undefined, undefined]);
  expect(first.status?.reason).toBe('WAIT_TIMEOUT');
  await clock.advance(50_000);
  expect(codes([later])).toEqual([undefined]);
  await clock.advance(10_000);
  expect(later.status?.reason).toBe('WAIT_TIMEOUT');
  expect(await close()).toBe(0);
});

test('fewer calls may wait from now on; those that wait already go on', async () => {
  const { clock, channel, pod, start, close } = await fleet([A], {}, { maxConnectionsPerPod: 1 });
  pod(A).limit(1);
  await clock.advance(10);
  pod(A).latencyMs = 10;
  const before = [start(), start(), start()];
  await clock.advance(1);
  channel.apply(options({ waiting: { maxCalls: 1 } }));
  const after = start();
  await clock.advance(1);
  expect(after.status?.reason).toBe('WAIT_QUEUE_FULL');
  expect(codes(before)).toEqual([undefined, undefined, undefined]);
  await clock.advance(1_000);
  expect(codes(before)).toEqual([0, 0, 0]);
  expect(await close()).toBe(0);
});

test('the retry throttle keeps what it counted, unless it is to count otherwise', async () => {
  const retryPolicy = {
    maxAttempts: 2,
    initialBackoff: '0.001s',
    maxBackoff: '0.001s',
    backoffMultiplier: 1,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  const config = (maxTokens: number, timeout: string) => ({
    serviceConfig: {
      retryThrottling: { maxTokens, tokenRatio: 0.1 },
      methodConfig: [{ name: [{}], retryPolicy, timeout }],
    },
  });
  const { clock, channel, pod, start, close } = await fleet([A], {}, config(4, '1s'));
  pod(A).fail(14);
  const attempts = async () => {
    const before = pod(A).calls.length;
    start();
    await clock.advance(100);
    return pod(A).calls.length - before;
  };
  expect([await attempts(), await attempts(), await attempts()]).toEqual([2, 1, 1]);
  channel.apply(options(config(4, '2s')));
  expect(await attempts()).toBe(1);
  channel.apply(options(config(10, '2s')));
  expect(await attempts()).toBe(2);
  channel.apply(options({ serviceConfig: { methodConfig: [{ name: [{}], retryPolicy }] } }));
  expect(await attempts()).toBe(2);
  expect(await close()).toBe(0);
});

test('a cluster with a policy of its own keeps it, and one that a switch opens has the new one', async () => {
  const match = { headers: [{ name: 'x-own' }] };
  const routes = createRouteTable<MethodConfig>([
    { match, route: createRoute('own', 'own', {}) },
    { match: {}, route: createRoute('plain', 'plain', {}) },
  ]);
  const own = createPolicy({ pick_first: { shuffleAddressList: false } });
  const routing = { routes, clusters: [{ name: 'plain' }, { name: 'own', policy: own }] };
  const mesh = { address: 'mesh:1' };
  const made = await fleet(PODS, { routing }, { policy: 'random', mesh });
  const { clock, channel, pod, calls, close } = made;
  pod('mesh:1').answer(Buffer.from('mesh'));
  channel.apply(options({ policy: 'round_robin', mesh }));
  await clock.advance(1);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(counted(await calls(30, { 'x-own': '1' }))).toEqual({ [A]: 30 });
  void channel.setMode('mesh');
  await clock.advance(200);
  channel.apply(options({ policy: 'random', mesh }));
  expect([channel.snapshot().policy, await calls(2)]).toEqual(['pick_first', ['mesh', 'mesh']]);
  // While the other side connects.
  for (const address of PODS) pod(address).latencyMs = 50;
  void channel.setMode('direct');
  await clock.advance(10);
  expect(channel.snapshot()).toMatchObject({ mode: 'mesh', switchingTo: 'direct' });
  channel.apply(options({ policy: 'round_robin', mesh }));
  await clock.advance(1_000);
  for (const address of PODS) pod(address).latencyMs = 0;
  await clock.advance(1_000);
  expect(channel.snapshot()).toMatchObject({ mode: 'direct', policy: 'round_robin' });
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(counted(await calls(30, { 'x-own': '1' }))).toEqual({ [A]: 30 });
  expect(await close()).toBe(0);
});

test('calls that began without a key spread over the Pods of a hash policy when they are tried again', async () => {
  const { clock, channel, pod, start, close } = await fleet(PODS, {}, { policy: 'round_robin' });
  pod(A).onCall = () => {};
  const all = Array.from({ length: 300 }, () => start());
  await clock.advance(1);
  channel.apply(options({ policy: 'ring_hash' }));
  await clock.advance(1);
  const before = [B, C].map((address) => pod(address).calls.length);
  pod(A).goAway(0, '', 0);
  await clock.advance(10);
  const after = [B, C].map((address, i) => pod(address).calls.length - before[i]!);
  expect(after[0]! + after[1]!).toBe(100);
  expect(Math.min(...after)).toBeGreaterThan(20);
  expect(codes(all).every((code) => code === 0)).toBe(true);
  expect(await close()).toBe(0);
});
