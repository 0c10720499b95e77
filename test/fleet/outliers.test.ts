import type { FakeCall } from '@podwire/http2/testing';
import { expect, test } from 'vitest';
import { counted, fleet, seeded } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const [A, B, C] = PODS;
const FOUR = [...PODS, '10.0.0.4:1'] as const;

function answer(call: FakeCall, text: string): void {
  call.onHalfClose = () => {
    call.reply(Buffer.from(text));
    call.end(0);
  };
}

const state = (of: Awaited<ReturnType<typeof fleet>>, id: string) =>
  of.channel.snapshot().pods.find((pod) => pod.id === id)!;

test('a Pod that fails all calls is out after five of them, and is let in by one call that it answers', async () => {
  const one = await fleet(PODS);
  const told: string[] = [];
  one.channel.events.on('ejected', ({ id, reason }) => told.push(`${id} ${reason}`));
  one.channel.events.on('returned', ({ id }) => told.push(`${id} returned`));
  one.pod(A).fail(14);
  expect(counted(await one.calls(300))['status 14']).toBe(5);
  expect(state(one, A).ejected).toMatchObject({ reason: 'consecutive_failures', times: 1 });
  one.pod(A).answer(Buffer.from(A));
  await one.clock.advance(6_000);
  await one.calls(100);
  await one.clock.advance(1_000);
  expect(counted(await one.calls(300))[A]).toBeGreaterThan(70);
  expect(told).toEqual([`${A} consecutive_failures`, `${A} returned`]);
  expect(one.channel.snapshot().counters).toMatchObject({
    ejected: { consecutive_failures: 1 },
    returned: 1,
  });
  expect(await one.close()).toBe(0);
});

test('one call at a time is a Pod on probation, and each failure doubles its time', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin' });
  one.pod(A).fail(13);
  await one.calls(30);
  const times: number[] = [];
  one.channel.events.on('ejected', ({ forMs }) => times.push(Math.round(forMs / 1_000)));
  let failed = 0;
  for (let second = 0; second < 150; second++) {
    failed += counted(await one.calls(10))['status 13'] ?? 0;
    await one.clock.advance(990);
  }
  expect(failed).toBe(times.length);
  expect(times.length).toBeGreaterThan(2);
  for (const [i, seconds] of times.entries()) {
    const usual = Math.min(5 * 2 ** (i + 1), 60);
    expect(seconds).toBeGreaterThanOrEqual(Math.floor(usual * 0.8));
    expect(seconds).toBeLessThanOrEqual(Math.ceil(usual * 1.2));
  }
  expect(await one.close()).toBe(0);
});

test('while all Pods fail alike none is out', async () => {
  const one = await fleet(PODS);
  for (const address of PODS) one.pod(address).fail(14);
  expect(counted(await one.calls(300))).toEqual({ 'status 14': 300 });
  const { counters, pods } = one.channel.snapshot();
  expect(counters.ejected.consecutive_failures).toBe(0);
  expect(counters.notEjected.no_witness).toBe(3);
  expect(pods.map(({ ejected }) => ejected)).toEqual([undefined, undefined, undefined]);
  expect(await one.close()).toBe(0);
});

test('of three Pods one is out at most, of four two, of two one, of one none', async () => {
  for (const [pods, most] of [
    [FOUR, 2],
    [PODS, 1],
    [PODS.slice(0, 2), 1],
    [PODS.slice(0, 1), 0],
  ] as const) {
    const one = await fleet(pods, {}, { policy: 'round_robin' });
    for (const address of pods.slice(1)) one.pod(address).fail(13);
    if (pods.length === 1) one.pod(A).fail(13);
    await one.calls(200);
    const out = one.channel.snapshot().pods.filter(({ ejected }) => ejected !== undefined);
    expect(out).toHaveLength(most);
    expect(await one.close()).toBe(0);
  }
});

test('an ejected Pod serves again when so few others are left that it is needed', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin' });
  const panics: string[] = [];
  one.channel.events.on('panic', ({ level }) => panics.push(level));
  one.pod(A).fail(13);
  await one.calls(60);
  expect(state(one, A).ejected).toBeDefined();
  one.pod(A).answer(Buffer.from(A));
  one.pod(B).refuse();
  one.pod(B).close();
  await one.clock.advance(50);
  const answers = counted(await one.calls(100));
  expect(answers[A]).toBe(50);
  expect(answers[C]).toBe(50);
  expect([panics, one.channel.snapshot().panic]).toEqual([['opinions'], 'opinions']);
  expect(await one.close()).toBe(0);
});

test('a status about the call ejects no Pod', async () => {
  for (const code of [1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 16]) {
    const one = await fleet(PODS, {}, { policy: 'round_robin' });
    one.pod(A).fail(code);
    await one.calls(100);
    expect([code, state(one, A).ejected]).toEqual([code, undefined]);
    await one.close();
  }
});

test('a Pod that answers PINGs and no calls is out before the deadline of its calls', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin' });
  await one.calls(90);
  one.pod(A).onCall = () => {};
  const open = [];
  for (let call = 0; call < 200; call++) {
    open.push(one.start({}, 10_000));
    await one.clock.advance(10);
  }
  const stuck = open.filter(({ status }) => status === undefined).length;
  expect(stuck).toBeLessThan(12);
  expect(state(one, A).ejected).toMatchObject({ reason: 'consecutive_timeouts' });
  expect(await one.close()).toBe(0);
});

test('a Pod that fails half of its calls is out by its success rate', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin', outlierDetection: { consecutiveFailures: 0 } });
  let calls = 0;
  one.pod(A).onCall = (call) => {
    calls += 1;
    if (calls % 2 === 0) call.end(13);
    else answer(call, A);
  };
  for (let second = 0; second < 15 && state(one, A).ejected === undefined; second++) {
    await one.calls(10);
    await one.clock.advance(990);
  }
  expect(state(one, A).ejected).toMatchObject({ reason: 'success_rate' });
  expect(state(one, B).successRate).toBe(1);
  expect(await one.close()).toBe(0);
});

test('what begins to fail on every Pod at once ejects none, although the windows tell of better times', async () => {
  const one = await fleet(FOUR, {}, { policy: 'round_robin' });
  for (const address of FOUR)
    one.pod(address).onCall = (call) => {
      if (call.headers.includes('bad')) call.end(14);
      else answer(call, address);
    };
  await one.calls(1_000);
  const random = seeded(3);
  for (let call = 0; call < 2_000; call++) await one.calls(1, random() < 0.5 ? { key: 'bad' } : {});
  expect(one.channel.snapshot().counters.ejected.consecutive_failures).toBe(0);
  expect(await one.close()).toBe(0);
});

test('a key that kills every call does not eject one Pod after the other', async () => {
  const one = await fleet(FOUR, {}, { policy: 'maglev', hashKey: { header: 'key' } });
  await one.calls(100, { key: 'good' });
  for (const address of FOUR)
    one.pod(address).onCall = (call) => {
      if (call.headers.includes('bad')) call.end(13);
      else answer(call, address);
    };
  for (let round = 0; round < 50; round++) {
    await one.calls(1, { key: 'bad' });
    for (const key of ['a', 'b', 'c', 'd', 'e']) await one.calls(1, { key });
  }
  await one.calls(100, { key: 'bad' });
  expect(one.channel.snapshot().pods.filter(({ ejected }) => ejected !== undefined)).toEqual([]);
  expect(await one.close()).toBe(0);
});

test('a call that names an ejected Pod goes there', async () => {
  const one = await fleet(PODS);
  one.pod(A).fail(14);
  await one.calls(100);
  expect(state(one, A).ejected).toBeDefined();
  one.pod(A).answer(Buffer.from(A));
  expect(await one.calls(2, { 'podwire-pod': A })).toEqual([A, A]);
  expect(await one.close()).toBe(0);
});

test('a Pod that is connected anew begins its probation at once', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin' });
  one.pod(A).fail(14);
  await one.calls(60);
  one.pod(A).answer(Buffer.from(A));
  one.pod(A).close();
  await one.clock.advance(1_000);
  await one.calls(30);
  expect(state(one, A).ejected).toBeUndefined();
  expect(counted(await one.calls(30))).toEqual({ [A]: 10, [B]: 10, [C]: 10 });
  expect(await one.close()).toBe(0);
});

test('a stream on probation lets the Pod in with its first message, and a silent one does not keep it out', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin' });
  one.pod(A).fail(13);
  await one.calls(60);
  one.pod(A).onCall = (call) => {
    call.onHalfClose = () => call.reply(Buffer.from(A));
  };
  for (let second = 0; second < 20 && state(one, A).ejected !== undefined; second++) {
    await one.calls(10);
    await one.clock.advance(990);
  }
  expect(state(one, A).ejected).toBeUndefined();
  expect(state(one, A).inFlight).toBe(1);
  expect(await one.close()).toBe(0);
});

test('a Pod on probation gets a call that can be tried again, where there are such calls', async () => {
  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: '0.001s',
    maxBackoff: '0.001s',
    backoffMultiplier: 1,
    retryableStatusCodes: ['INTERNAL'],
  };
  const serviceConfig = {
    methodConfig: [{ name: [{ service: 'shop.Orders', method: 'List' }], retryPolicy }],
  };
  const one = await fleet(PODS, {}, { policy: 'round_robin', serviceConfig });
  one.pod(A).fail(13);
  await one.calls(60);
  expect(state(one, A).ejected).toBeDefined();
  const { untilMs } = state(one, A).ejected!;
  const before = one.pod(A).calls.length;
  while (one.pod(A).calls.length === before) {
    await one.calls(1);
    await one.clock.advance(50);
  }
  expect(one.clock.wallMs() - untilMs).toBeGreaterThanOrEqual(1_000);
  expect(one.clock.wallMs() - untilMs).toBeLessThan(1_500);
  expect(await one.close()).toBe(0);
});

test('without the option no Pod is out', async () => {
  const one = await fleet(PODS, {}, { policy: 'round_robin', outlierDetection: false });
  one.pod(A).fail(13);
  expect(counted(await one.calls(90))['status 13']).toBe(30);
  expect(await one.close()).toBe(0);
});

test('hedges that hide a hanging Pod from callers do not hide it from outlier detection', async () => {
  const serviceConfig = {
    methodConfig: [{ name: [{}], hedgingPolicy: { maxAttempts: 2, hedgingDelay: '0.02s' } }],
  };
  const one = await fleet(PODS, {}, { policy: 'round_robin', serviceConfig });
  await one.calls(60);
  one.pod(A).onCall = () => {};
  const answers: (string | undefined)[] = [];
  for (let i = 0; i < 60; i++) {
    const call = one.start();
    await one.clock.advance(30);
    answers.push(call.messages[0]);
  }
  expect(answers).not.toContain(undefined);
  expect(state(one, A).ejected).toMatchObject({ reason: 'consecutive_timeouts' });
  expect(one.pod(A).calls.length).toBeLessThan(35);
  expect(await one.close()).toBe(0);
});
