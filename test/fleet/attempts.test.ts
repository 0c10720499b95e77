import { Metadata, status as Status } from '@grpc/grpc-js';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { fleet } from './fleet.ts';

const [A, B, C] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'];
const PODS = [A!, B!, C!];
const method = (policy: object) => ({ serviceConfig: { methodConfig: [{ name: [{}], ...policy }] } });
const retries = (more: object = {}) =>
  method({
    retryPolicy: {
      maxAttempts: 3,
      initialBackoff: '0.1s',
      maxBackoff: '0.1s',
      backoffMultiplier: 1,
      retryableStatusCodes: ['UNAVAILABLE'],
      ...more,
    },
  });
const hedges = method({
  hedgingPolicy: { maxAttempts: 3, hedgingDelay: '0.05s', nonFatalStatusCodes: ['UNAVAILABLE'] },
});

test('a call that a GOAWAY left out goes on with the hedge that is open', async () => {
  const { clock, pod, start, close } = await fleet(PODS, {}, hedges);
  for (const address of PODS) pod(address).onCall = () => {};
  const call = start();
  await clock.advance(60);
  const [first, second] = PODS.filter((address) => pod(address).calls.length > 0);
  expect(second).toBeDefined();
  // The first Pod says that it has not looked at the call; the hedge goes on.
  pod(first!).goAway(0, '', 0);
  pod(second!).answer(Buffer.from('from the hedge'));
  pod(second!).calls[0]!.reply(Buffer.from('from the hedge'));
  pod(second!).calls[0]!.end(0);
  await clock.advance(10);
  expect([call.status?.code, call.messages]).toEqual([0, ['from the hedge']]);
  expect(await close()).toBe(0);
});

test('a call that a Pod refuses moves on once without a policy, and no second time', async () => {
  const { clock, pod, start, close } = await fleet(PODS);
  // REFUSED_STREAM
  for (const address of PODS) pod(address).onCall = (call) => call.reset(7);
  const call = start();
  await clock.advance(10);
  expect(call.status).toMatchObject({ code: 14, reason: 'REFUSED' });
  expect(PODS.reduce((sum, address) => sum + pod(address).calls.length, 0)).toBe(2);
  expect(await close()).toBe(0);
});

test('messages over the limit bind a call to the attempt that it has', async () => {
  const options = { ...retries(), retryBuffer: { perCallBytes: 3 } };
  const { clock, pod, start, close } = await fleet([A!], {}, options);
  pod(A!).fail(14);
  const call = start();
  await clock.advance(1_000);
  expect([call.status?.code, pod(A!).calls.length]).toEqual([14, 1]);
  expect(await close()).toBe(0);
});

test('a server names the delay before the next attempt, or forbids it', async () => {
  const { clock, pod, start, close } = await fleet([A!], {}, retries());
  pod(A!).fail(14, '', ['grpc-retry-pushback-ms', '500']);
  const delayed = start();
  await clock.advance(499);
  expect(pod(A!).calls.length).toBe(1);
  pod(A!).fail(14, '', ['grpc-retry-pushback-ms', '-1']);
  await clock.advance(2);
  expect(pod(A!).calls.length).toBe(2);
  await clock.advance(1_000);
  expect([delayed.status?.code, pod(A!).calls.length]).toEqual([14, 2]);
  expect(await close()).toBe(0);
});

test('no retry is made while half of the tokens are gone', async () => {
  const { serviceConfig } = retries();
  const options = { serviceConfig: { ...serviceConfig, retryThrottling: { maxTokens: 4, tokenRatio: 1 } } };
  const { clock, pod, start, close } = await fleet([A!], {}, options);
  pod(A!).fail(14);
  const tries = async () => {
    const before = pod(A!).calls.length;
    start();
    await clock.advance(1_000);
    return pod(A!).calls.length - before;
  };
  expect([await tries(), await tries(), await tries()]).toEqual([2, 1, 1]);
  expect(await close()).toBe(0);
});

/** Brings a call into each phase of its life. */
const PHASES = {
  scheduled: async () => {
    const all = await fleet([A!]);
    return { ...all, call: all.start() };
  },
  waiting: async () => {
    const all = await fleet([A!]);
    all.pod(A!).hang();
    all.pod(A!).close();
    await all.clock.advance(10);
    const call = all.start({}, 300);
    await all.clock.advance(1);
    return { ...all, call };
  },
  running: async () => {
    const all = await fleet([A!]);
    all.pod(A!).onCall = () => {};
    const call = all.start({}, 300);
    await all.clock.advance(1);
    return { ...all, call };
  },
  pausing: async () => {
    const all = await fleet([A!], {}, retries({ initialBackoff: '10s', maxBackoff: '10s' }));
    all.pod(A!).fail(14, 'try later');
    const call = all.start({}, 300);
    await all.clock.advance(1);
    return { ...all, call };
  },
};

test.each(Object.keys(PHASES) as (keyof typeof PHASES)[])(
  'a %s call that is cancelled ends, and leaves nothing',
  async (phase) => {
    const { clock, channel, call, close } = await PHASES[phase]();
    call.cancel();
    await clock.advance(1);
    expect(call.status).toMatchObject({ code: Status.CANCELLED, details: 'cancelled by the test' });
    expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
    expect(await close()).toBe(0);
  },
);

test.each([
  ['waiting', 'waiting for a connection to a Pod of orders'],
  ['running', `of it on ${A} without a reply`],
  ['pausing', 'waiting to try again (the last attempt ended with UNAVAILABLE: try later)'],
] as const)('the deadline of a %s call says where the time went', async (phase, text) => {
  const { clock, channel, call, close } = await PHASES[phase]();
  await clock.advance(400);
  expect(call.status).toMatchObject({ code: 4, reason: 'DEADLINE_EXCEEDED' });
  expect(call.status!.details).toContain(text);
  expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  expect(await close()).toBe(0);
});

test.each(Object.keys(PHASES) as (keyof typeof PHASES)[])(
  'a %s call ends when its channel closes',
  async (phase) => {
    const { clock, channel, call } = await PHASES[phase]();
    const closed = channel.close({ graceMs: 50 });
    await clock.advance(60);
    await closed;
    expect(call.status).toBeDefined();
    expect(phase === 'scheduled' ? 0 : 14).toBe(call.status!.code);
    await clock.advance(10_000);
    expect(clock.pending).toBe(0);
  },
);

test('what is sent and asked for before a call is started goes with it', async () => {
  const { clock, channel, pod, close } = await fleet([A!]);
  const call = channel.createCall('/shop.Orders/Get', Number.POSITIVE_INFINITY, null, null, null);
  const told: string[] = [];
  call.startRead();
  call.sendMessageWithContext({ callback: () => void told.push('written') }, Buffer.from('early'));
  call.halfClose();
  await clock.advance(10);
  call.start(new Metadata(), {
    onReceiveMetadata() {},
    onReceiveMessage: (message: Buffer) => void told.push(String(message)),
    onReceiveStatus: ({ code }: { code: number }) => void told.push(`status ${code}`),
  });
  await clock.advance(10);
  expect(told).toEqual(['written', A, 'status 0']);
  expect(pod(A!).calls.map(({ messages }) => String(messages))).toEqual(['early']);
  expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  expect(await close()).toBe(0);
});

test('a call that waits is sent once, although its own search for a Pod has all that wait look again', async () => {
  const registries = [new ScriptedRegistry()];
  const policy = { pick_first: { shuffleAddressList: false } };
  const { clock, channel, pod, start, close } = await fleet([A!], {}, { registries, policy });
  pod(B!).hang();
  pod(C!).refuse();
  // B is silent, C refuses, and A is used: the two others rest, and C is not tried again at once.
  registries[0]!.reset(B!, C!, A!);
  await clock.advance(255);
  expect(channel.snapshot().pods.map(({ state }) => state)).toEqual(['idle', 'idle', 'ready']);
  pod(B!).refuse();
  const call = start({ 'podwire-exclude-pod': A! });
  await clock.advance(5);
  expect([call.status?.code, pod(A!).calls.length]).toEqual([0, 1]);
  expect(await close()).toBe(0);
});
