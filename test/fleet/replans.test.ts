import { createRoute, createRouteTable, singleRoute } from '@podwire/routing';
import { expect, test } from 'vitest';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';
import { fleet } from './fleet.ts';

const [A, B, MESH] = ['10.0.0.1:1', '10.0.0.2:1', '10.9.9.9:1'] as const;
const mesh = { address: MESH };

test('a call that waits keeps off the Pods that it excludes, also where it goes after a switch', async () => {
  const { clock, channel, pod, start, close } = await fleet([A, B], {}, { mode: 'mesh', mesh });
  pod(MESH).limit(0);
  await clock.advance(10);
  const waiting = Array.from({ length: 10 }, () => start({ 'podwire-exclude-pod': A }));
  await clock.advance(1);
  expect(channel.snapshot().calls.waiting).toBe(10);
  void channel.setMode('direct');
  await clock.advance(200);
  expect(waiting.map(({ messages }) => messages[0])).toEqual(new Array(10).fill(B));
  expect(await close()).toBe(0);
});

test('a call that waits, and that no route is for after a switch, ends', async () => {
  const routes = createRouteTable<MethodConfig>([
    { match: { headers: [{ name: 'x-to', exact: 'a' }] }, route: createRoute('a', 'a', {}) },
  ]);
  const routing = { routes, clusters: [{ name: 'a' }] };
  const { clock, channel, pod, start, close } = await fleet([A], { routing }, { mode: 'mesh', mesh });
  pod(MESH).limit(0);
  await clock.advance(10);
  const [none, some] = [start(), start({ 'x-to': 'a' })];
  await clock.advance(1);
  expect(channel.snapshot().calls.waiting).toBe(2);
  void channel.setMode('direct');
  await clock.advance(200);
  expect(some.messages).toEqual([A]);
  expect(none.status).toMatchObject({ code: 14, details: expect.stringContaining('no route') });
  expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  expect(await close()).toBe(0);
});

test('an attempt under way goes on where no route is for its call any more; another one is not made', async () => {
  const routes = createRouteTable<MethodConfig>([
    { match: { headers: [{ name: 'x-to' }] }, route: createRoute('a', 'a', {}) },
  ]);
  const hedgingPolicy = { maxAttempts: 2, hedgingDelay: '0.5s' };
  const { clock, channel, pod, start, close } = await fleet(
    [A],
    { routing: { routes, clusters: [{ name: 'a' }] } },
    { mode: 'mesh', mesh, serviceConfig: { methodConfig: [{ name: [{}], hedgingPolicy }] } },
  );
  pod(MESH).onCall = () => {};
  const call = start();
  await clock.advance(1);
  void channel.setMode('direct');
  await clock.advance(1_000);
  expect(call.status).toBeUndefined();
  expect(pod(MESH).calls.length + pod(A).calls.length).toBe(1);
  pod(MESH).calls[0]!.end(0);
  await clock.advance(1);
  expect(call.status?.code).toBe(0);
  expect(await close()).toBe(0);
});

test('several values of one header count as they did before when routes are looked at again', async () => {
  const routes = createRouteTable<MethodConfig>([
    { match: { headers: [{ name: 'x-to', exact: 'a,b' }] }, route: createRoute('b', 'b', {}) },
    { match: {}, route: createRoute('a', 'a', {}) },
  ]);
  const clusters = [
    { name: 'a', accepts: ({ host }: { host: string }) => host === '10.0.0.1' },
    { name: 'b', accepts: ({ host }: { host: string }) => host === '10.0.0.2' },
  ];
  const parts = { routing: { routes, clusters } };
  const { clock, channel, pod, start, calls, close } = await fleet([A, B], parts, { mode: 'mesh', mesh });
  const headers = { 'x-to': ['a', 'b'] };
  pod(MESH).limit(0);
  await clock.advance(10);
  const call = start(headers);
  void channel.setMode('direct');
  await clock.advance(200);
  expect([call.messages, await calls(1, headers)]).toEqual([[B], [B]]);
  expect(await close()).toBe(0);
});

test('calls that move from queue to queue are counted once each', async () => {
  const routes = singleRoute<MethodConfig>(createRoute('a', 'a', {}));
  const { clock, channel, pod, start, close } = await fleet(
    [A],
    { routing: { routes, clusters: [{ name: 'a' }] } },
    { mode: 'mesh', mesh, waiting: { maxCalls: 3 } },
  );
  for (const address of [A, MESH]) pod(address).limit(0);
  await clock.advance(10);
  const waiting = [start(), start(), start()];
  await clock.advance(1);
  for (const mode of ['direct', 'mesh', 'direct'] as const) {
    void channel.setMode(mode);
    await clock.advance(200);
    expect(channel.snapshot()).toMatchObject({ mode, calls: { waiting: 3 } });
  }
  const fourth = start();
  await clock.advance(1);
  expect(fourth.status).toMatchObject({ reason: 'WAIT_QUEUE_FULL' });
  pod(A).limit(10);
  await clock.advance(1);
  expect(waiting.map(({ messages }) => messages[0])).toEqual([A, A, A]);
  expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  expect(await close()).toBe(0);
});
