import { Block, type MonitorFactory } from '@podwire/balancer';
import { createRoute, singleRoute } from '@podwire/routing';
import { expect, test } from 'vitest';
import type { MethodConfig } from '../../packages/client/src/options/method-config.ts';
import { counted, fleet } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const [A, B, C] = PODS;

/** One cluster of all Pods that a monitor looks after. */
const watchedBy = (monitor: MonitorFactory) => ({
  routing: {
    routes: singleRoute<MethodConfig>(createRoute('all', 'all', {})),
    clusters: [{ name: 'all', monitors: [monitor] }],
  },
});

/** Blocks a Pod after three failures in a row, for ten seconds. */
const breaker: MonitorFactory = (control) => {
  const failures = new Map<object, number>();
  const until = new Map<Parameters<typeof control.block>[0], number>();
  return {
    name: 'breaker',
    onAttemptEnd({ pod, code, endedMs }) {
      const count = code === 0 ? 0 : (failures.get(pod) ?? 0) + 1;
      failures.set(pod, count);
      if (count < 3 || until.has(pod)) return;
      control.block(pod, Block.EJECTED);
      until.set(pod, endedMs + 10_000);
      control.tickAt(endedMs + 10_000);
    },
    tick(nowMs) {
      for (const [pod, untilMs] of until) {
        if (untilMs > nowMs) continue;
        until.delete(pod);
        failures.delete(pod);
        control.unblock(pod, Block.EJECTED);
      }
      return until.size === 0 ? undefined : Math.min(...until.values());
    },
  };
};

test('a monitor blocks a Pod after three failures, and returns it', async () => {
  const { clock, pod, calls, close } = await fleet(PODS, watchedBy(breaker), { policy: 'round_robin' });
  pod(A).fail(13);
  const before = counted(await calls(90));
  expect(before).toEqual({ 'status 13': 3, [B]: expect.any(Number), [C]: expect.any(Number) });
  pod(A).answer(Buffer.from(A));
  expect(counted(await calls(30))[A]).toBeUndefined();
  await clock.advance(10_000);
  expect(counted(await calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(await close()).toBe(0);
});

/** Slow start: a Pod that becomes ready later than others gets its share over ten seconds, in steps of one. */
const slowStart: MonitorFactory = (control) => {
  type Watched = Parameters<typeof control.weigh>[0];
  const since = new Map<Watched, number>();
  let first: number | undefined;
  return {
    name: 'slow start',
    onReady(pod, nowMs) {
      first ??= nowMs;
      if (nowMs - first < 1_000) return;
      since.set(pod, nowMs);
      control.weigh(pod, 0.1);
      control.tickAt(nowMs + 1_000);
    },
    tick(nowMs) {
      for (const [pod, fromMs] of since) {
        const factor = Math.min(1, Math.max(0.1, (nowMs - fromMs) / 10_000));
        control.weigh(pod, factor);
        if (factor === 1) since.delete(pod);
      }
      return since.size === 0 ? undefined : nowMs + 1_000;
    },
  };
};

test('a monitor ramps the weight of a Pod that comes later', async () => {
  const options = { policy: 'weighted_round_robin' } as const;
  const { clock, pod, calls, close } = await fleet(PODS, watchedBy(slowStart), options);
  await clock.advance(2_000);
  pod(A).close();
  await clock.advance(500);
  const share = async () => counted(await calls(210))[A] ?? 0;
  const shares = [await share()];
  for (let second = 0; second < 3; second++) {
    await clock.advance(4_000);
    shares.push(await share());
  }
  expect(shares[0]).toBeLessThan(20);
  expect(shares[1]).toBeGreaterThan(shares[0]!);
  expect(shares[2]).toBeGreaterThan(shares[1]!);
  expect(shares[3]).toBe(70);
  expect(await close()).toBe(0);
});

/** Blocks a Pod while it has a call. */
const oneEach: MonitorFactory = (control) => ({
  name: 'one each',
  onAttemptStart: ({ pod }) => control.block(pod, Block.LIMITED),
  onAttemptEnd: ({ pod }) => control.unblock(pod, Block.LIMITED),
});

test('a monitor may block a Pod for the very attempt that it is told of, also of a call that waited', async () => {
  const { clock, channel, pod, start, close } = await fleet([A, B], watchedBy(oneEach));
  for (const address of [A, B]) {
    pod(address).latencyMs = 10;
    pod(address).close();
    pod(address).onCall = () => {};
  }
  await clock.advance(15);
  const started = Array.from({ length: 5 }, () => start());
  await clock.advance(1);
  expect(channel.snapshot().calls).toEqual({ open: 5, waiting: 5 });
  await clock.advance(200);
  const sent = () => [A, B].flatMap((address) => pod(address).calls);
  expect([sent().length, channel.snapshot().calls]).toEqual([2, { open: 5, waiting: 3 }]);
  for (let end = 0; end < 3; end++) {
    for (const call of sent()) call.end(0);
    await clock.advance(20);
  }
  expect(sent().length).toBe(5);
  expect(started.map(({ status }) => status?.code)).toEqual([0, 0, 0, 0, 0]);
  expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  expect(await close()).toBe(0);
});

test('nothing of a monitor is called once it is closed, and calls end as ever', async () => {
  const told: string[] = [];
  const teller: MonitorFactory = () => ({
    name: 'teller',
    onPods: () => void told.push('pods'),
    onReady: () => void told.push('ready'),
    onAttemptStart: () => void told.push('start'),
    onAttemptEnd: () => void told.push('end'),
    close: () => void told.push('close'),
  });
  const mesh = { address: B };
  const { clock, channel, pod, start, close } = await fleet([A], watchedBy(teller), { mesh });
  pod(A).onCall = () => {};
  const call = start();
  await clock.advance(1);
  void channel.setMode('mesh');
  await clock.advance(200);
  expect(channel.mode).toBe('mesh');
  pod(A).calls[0]!.end(0);
  await clock.advance(1);
  expect(call.status?.code).toBe(0);
  expect(told).toEqual(['pods', 'ready', 'start', 'close']);
  expect(await close()).toBe(0);
});

test('a call that waits because of monitors says so', async () => {
  const all: MonitorFactory = (control) => ({
    name: 'all',
    onReady: (pod) => (pod.id === A ? control.block(pod, Block.EJECTED) : control.weigh(pod, 0)),
  });
  const { clock, start, close } = await fleet([A, B], watchedBy(all), { waiting: { timeoutMs: 100 } });
  const call = start();
  await clock.advance(101);
  expect(call.status).toMatchObject({
    reason: 'WAIT_TIMEOUT',
    details: expect.stringContaining(`room on a Pod of orders (${A}: it is ejected; ${B}: its weight is 0)`),
  });
  expect(await close()).toBe(0);
});
