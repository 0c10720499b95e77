import { status as Status } from '@grpc/grpc-js';
import { createRoute, createRouteTable, singleRoute } from '@podwire/routing';
import { expect, test } from 'vitest';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';
import { counted, fleet } from './fleet.ts';

const STABLE = '10.0.0.1:1';
const CANARY = '10.0.1.1:1';
const clusters = [
  { name: 'stable', accepts: ({ host }: { host: string }) => host.startsWith('10.0.0.') },
  { name: 'canary', accepts: ({ host }: { host: string }) => host.startsWith('10.0.1.') },
];

/** Calls with the header `x-to: canary` go to the canary, all others to the stable cluster. */
function byHeader(config: MethodConfig = {}) {
  const routes = createRouteTable<MethodConfig>([
    {
      match: { headers: [{ name: 'x-to', exact: 'canary' }] },
      route: createRoute('canary', 'canary', config),
    },
    { match: {}, route: createRoute('stable', 'stable', {}) },
  ]);
  return { routing: { routes, clusters } };
}

test('of two clusters one is down, and calls to the other do not wait', async () => {
  const { clock, channel, pod, start, calls, close } = await fleet([STABLE, CANARY], byHeader());
  pod(CANARY).hang();
  pod(CANARY).close();
  await clock.advance(10);
  const waiting = start({ 'x-to': 'canary' });
  expect(await calls(10)).toEqual(new Array(10).fill(STABLE));
  expect(waiting.status).toBeUndefined();
  expect(channel.snapshot().calls).toEqual({ open: 1, waiting: 1 });
  await clock.advance(5_000);
  expect(waiting.status).toMatchObject({ code: 14, reason: 'NO_CONNECTION' });
  expect(await close()).toBe(0);
});

test('a header leads a call to another cluster, with a time-out and a retry policy of its own', async () => {
  const retry = {
    maxAttempts: 3,
    initialBackoffMs: 10,
    maxBackoffMs: 10,
    backoffMultiplier: 1,
    retryableStatusCodes: new Set([Status.UNAVAILABLE]),
  };
  const { clock, pod, start, close } = await fleet([STABLE, CANARY], byHeader({ timeoutMs: 500, retry }));
  pod(CANARY).fail(Status.UNAVAILABLE);
  pod(STABLE).fail(Status.UNAVAILABLE);
  const retried = start({ 'x-to': 'canary' });
  const once = start();
  await clock.advance(100);
  expect([retried.status?.code, once.status?.code]).toEqual([14, 14]);
  expect([pod(CANARY).calls.length, pod(STABLE).calls.length]).toEqual([3, 1]);
  pod(CANARY).onCall = () => {};
  pod(STABLE).onCall = () => {};
  const limited = start({ 'x-to': 'canary' });
  const unlimited = start();
  await clock.advance(600);
  expect(limited.status).toMatchObject({ code: 4, reason: 'DEADLINE_EXCEEDED', pods: [CANARY] });
  expect(unlimited.status).toBeUndefined();
  expect(await close()).toBe(0);
});

test('a quarter of the calls goes to the canary, and each call stays there for all its attempts', async () => {
  const retry = {
    maxAttempts: 2,
    initialBackoffMs: 1,
    maxBackoffMs: 1,
    backoffMultiplier: 1,
    retryableStatusCodes: new Set([Status.UNAVAILABLE]),
  };
  const split = [
    { cluster: 'canary', weight: 1 },
    { cluster: 'stable', weight: 3 },
  ];
  const routes = singleRoute<MethodConfig>(createRoute('split', split, { retry }));
  const { clock, pod, start, calls, close } = await fleet([STABLE, CANARY], {
    routing: { routes, clusters },
  });
  const answers = counted(await calls(1_000));
  expect(answers[CANARY]).toBeGreaterThan(200);
  expect(answers[CANARY]).toBeLessThan(300);
  expect(answers[STABLE]).toBe(1_000 - answers[CANARY]!);
  pod(CANARY).fail(Status.UNAVAILABLE);
  pod(STABLE).fail(Status.UNAVAILABLE);
  const failed = Array.from({ length: 40 }, () => start());
  await clock.advance(50);
  const tried = failed.map(({ status }) => status!.pods!);
  expect(tried.every(([first, second]) => first === second && first !== undefined)).toBe(true);
  expect(new Set(tried.map(([first]) => first)).size).toBe(2);
  expect(await close()).toBe(0);
});

test('a call that no route is for says so', async () => {
  const routes = createRouteTable<MethodConfig>([
    { match: { headers: [{ name: 'x-to' }] }, route: createRoute('canary', 'canary', {}) },
  ]);
  const { clock, start, close } = await fleet([STABLE, CANARY], { routing: { routes, clusters } });
  const call = start();
  await clock.advance(1);
  expect(call.status).toMatchObject({ code: 14, details: expect.stringContaining('no route') });
  expect(await close()).toBe(0);
});
