import { expect, test } from 'vitest';
import { counted, fleet } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const [A, B, C] = PODS;

const RETRY = {
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.001s',
        maxBackoff: '0.001s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
};

type Fleet = Awaited<ReturnType<typeof fleet>>;

const attempts = (one: Fleet) => PODS.reduce((sum, address) => sum + one.pod(address).calls.length, 0);

test('while all Pods fail, retries add a fifth to the calls and not a multiple', async () => {
  const one = await fleet(PODS, {}, { serviceConfig: RETRY });
  for (const address of PODS) one.pod(address).fail(14);
  for (let call = 0; call < 500; call++) {
    one.start();
    await one.clock.advance(20);
  }
  expect(attempts(one)).toBeGreaterThan(500 * 1.1);
  expect(attempts(one)).toBeLessThanOrEqual(500 * 1.25);
  expect(await one.close()).toBe(0);
});

test.each([
  [
    'retryThrottling stands in its place',
    { ...RETRY, retryThrottling: { maxTokens: 1_000, tokenRatio: 1 } },
    {},
  ],
  ['false removes it', RETRY, { retryBudget: false }],
] as const)('the retry budget: %s', async (_, serviceConfig, options) => {
  const one = await fleet(PODS, {}, { serviceConfig, ...options });
  for (const address of PODS) one.pod(address).fail(14);
  for (let call = 0; call < 50; call++) {
    one.start();
    await one.clock.advance(20);
  }
  expect(attempts(one)).toBe(250);
  expect(await one.close()).toBe(0);
});

test('a call under which two connections died is not sent to a third Pod', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin', serviceConfig: RETRY });
  for (const address of PODS) one.pod(address).onCall = () => one.pod(address).close();
  const call = one.start();
  await one.clock.advance(1_000);
  expect(call.status).toMatchObject({ code: 14, reason: 'CONNECTION_LOST' });
  expect(call.status?.pods).toHaveLength(2);
  expect(attempts(one)).toBe(2);
  expect(await one.close()).toBe(0);
});

test('no retry begins with less time left than half of the calls take', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin', serviceConfig: RETRY });
  for (const address of PODS) one.pod(address).latencyMs = 50;
  for (let i = 0; i < 30; i++) {
    one.start();
    await one.clock.advance(150);
  }
  for (const address of PODS) one.pod(address).fail(14);
  const before = attempts(one);
  one.start({}, 180);
  await one.clock.advance(1_000);
  expect(attempts(one) - before).toBe(1);
  one.start({}, 5_000);
  await one.clock.advance(2_000);
  expect(attempts(one) - before).toBeGreaterThan(2);
  expect(await one.close()).toBe(0);
});

test('a Pod that asks for a pause gets no new calls for so long, ten seconds at most', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin', outlierDetection: false });
  one.pod(A).fail(14, 'busy', ['grpc-retry-pushback-ms', '3000']);
  await one.calls(9);
  expect(one.pod(A).calls.length).toBe(1);
  one.pod(A).answer(Buffer.from(A));
  await one.clock.advance(2_900);
  expect(counted(await one.calls(30))[A]).toBeUndefined();
  await one.clock.advance(100);
  expect(counted(await one.calls(30))[A]).toBe(10);
  one.pod(A).fail(14, 'busy', ['grpc-retry-pushback-ms', '999999']);
  await one.calls(3);
  one.pod(A).answer(Buffer.from(A));
  await one.clock.advance(10_000);
  expect(counted(await one.calls(30))[A]).toBe(10);
  expect(await one.close()).toBe(0);
});

test('Pods that all ask for a pause get calls, because no other is left', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin' });
  for (const address of PODS) one.pod(address).fail(14, 'busy', ['grpc-retry-pushback-ms', '9000']);
  await one.calls(10);
  for (const address of PODS) one.pod(address).answer(Buffer.from(address));
  expect(counted(await one.calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(await one.close()).toBe(0);
});

test('a Pod at its limit gets no call, and calls wait when all are', async () => {
  const one = await fleet(PODS, {}, { limits: { perPod: 2 } });
  for (const address of PODS) one.pod(address).onCall = () => {};
  const calls = Array.from({ length: 9 }, () => one.start());
  await one.clock.advance(10);
  expect(PODS.map((address) => one.pod(address).calls.length)).toEqual([2, 2, 2]);
  expect(one.channel.snapshot().calls).toEqual({ open: 9, waiting: 3 });
  one.pod(A).calls[0]!.end(0);
  await one.clock.advance(10);
  expect(one.channel.snapshot().calls.waiting).toBe(2);
  expect(one.pod(A).calls.length).toBe(3);
  for (const call of calls) call.cancel();
  await one.clock.advance(10);
  expect(one.channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  expect(await one.close()).toBe(0);
});

test('a service at its limit has the others wait, in order', async () => {
  const one = await fleet(PODS, {}, { limits: { perService: 4 } });
  for (const address of PODS) one.pod(address).onCall = () => {};
  for (let call = 0; call < 6; call++) one.start();
  await one.clock.advance(10);
  expect([attempts(one), one.channel.snapshot().calls.waiting]).toEqual([4, 2]);
  PODS.flatMap((address) => one.pod(address).calls)[0]!.end(0);
  await one.clock.advance(10);
  expect([attempts(one), one.channel.snapshot().calls.waiting]).toEqual([5, 1]);
  expect(await one.close()).toBe(0);
});

test('a stream gives its place back with its first message', async () => {
  const one = await fleet([A], {}, { limits: { perPod: 1 } });
  one.pod(A).onCall = (call) => {
    call.onHalfClose = () => call.reply(Buffer.from('first'));
  };
  const [stream, next] = [one.start(), one.start()];
  await one.clock.advance(10);
  expect([stream.messages, next.messages]).toEqual([['first'], ['first']]);
  expect(one.channel.snapshot().calls).toEqual({ open: 2, waiting: 0 });
  expect(await one.close()).toBe(0);
});

test('a call that waits for room and has too little time left is refused at once', async () => {
  const one = await fleet([A], {}, { limits: { perPod: 1 } });
  one.pod(A).latencyMs = 50;
  for (let i = 0; i < 30; i++) {
    one.start();
    await one.clock.advance(150);
  }
  one.pod(A).onCall = () => {};
  one.start();
  await one.clock.advance(10);
  const [hopeless, hopeful] = [one.start({}, 60), one.start({}, 5_000)];
  await one.clock.advance(1);
  expect(hopeless.status).toMatchObject({
    code: 14,
    reason: 'OVER_LIMIT',
    details: expect.stringContaining('has 60 ms left, and calls of this method take 1'),
  });
  expect(hopeful.status).toBeUndefined();
  expect(await one.close()).toBe(0);
});
