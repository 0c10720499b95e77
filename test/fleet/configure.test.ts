import { expect, test } from 'vitest';
import type { ChannelOptions } from '../../packages/client/src/options/channel-options.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';
import { counted, fleet } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const [A, B, C] = PODS;
const FIRST = { pick_first: { shuffleAddressList: false } };
const options = (some: ChannelOptions) => parseOptions({ name: 'orders', ...some });

test('a policy changes while calls run: Pods, connections and open calls stay', async () => {
  const { clock, channel, pod, start, calls, close } = await fleet(PODS, {}, { policy: 'round_robin' });
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  pod(B).onCall = () => {};
  const open = start();
  const others = [start(), start()];
  await clock.advance(1);
  channel.apply(options({ policy: 'random' }));
  await clock.advance(1);
  expect(channel.snapshot().policy).toBe('random');
  expect(PODS.map((address) => pod(address).attempts)).toEqual([1, 1, 1]);
  for (const call of pod(B).calls.filter((one) => one.messages.length > 0)) call.end(0);
  await clock.advance(1);
  expect([open, ...others].map(({ status }) => status?.code)).toEqual([0, 0, 0]);
  expect(channel.snapshot().pods.map((one) => one.calls)).toEqual([11, 11, 11]);
  expect(await close()).toBe(0);
});

test('from all Pods to one and back: what is not used rests, and is connected again', async () => {
  const { clock, channel, pod, calls, close } = await fleet(PODS, {}, { policy: 'round_robin' });
  channel.apply(options({ policy: FIRST }));
  expect(new Set(await calls(20)).size).toBe(1);
  await clock.advance(100);
  const open = () => PODS.reduce((sum, address) => sum + pod(address).connections.size, 0);
  expect(open()).toBe(1);
  channel.apply(options({ policy: 'round_robin' }));
  await clock.advance(200);
  expect(open()).toBe(3);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(await close()).toBe(0);
});

test('time-outs and retry policies are those of the calls that begin later', async () => {
  const { clock, channel, pod, start, close } = await fleet([A]);
  pod(A).onCall = () => {};
  const before = start();
  await clock.advance(1);
  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: '0.01s',
    maxBackoff: '0.01s',
    backoffMultiplier: 1,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  channel.apply(options({ serviceConfig: { methodConfig: [{ name: [{}], timeout: '0.5s', retryPolicy }] } }));
  const after = start();
  await clock.advance(600);
  expect([before.status, after.status?.code]).toEqual([undefined, 4]);
  const seen = pod(A).calls.length;
  pod(A).fail(14);
  const retried = start();
  await clock.advance(200);
  expect([retried.status?.code, pod(A).calls.length - seen]).toEqual([14, 3]);
  expect(await close()).toBe(0);
});

test('a call that waits goes by the new policy and limits, and waits no longer than it was to', async () => {
  const waiting = { timeoutMs: 1_000 };
  const { clock, channel, pod, start, close } = await fleet([A, B], {}, { policy: FIRST, waiting });
  for (const address of [A, B]) pod(address).limit(1);
  for (const address of [A, B]) pod(address).onCall = () => {};
  await clock.advance(10);
  const [first, second, third] = [start(), start(), start()];
  await clock.advance(500);
  expect(channel.snapshot().calls.waiting).toBeGreaterThan(0);
  channel.apply(options({ policy: 'round_robin', waiting: { timeoutMs: 60_000, maxCalls: 1 } }));
  await clock.advance(200);
  expect(pod(B).calls.length).toBeGreaterThan(0);
  await clock.advance(400);
  const ended = [first, second, third].filter(({ status }) => status !== undefined);
  expect(ended.every(({ status }) => status!.reason === 'WAIT_TIMEOUT')).toBe(true);
  expect(await close()).toBe(0);
});
