import { credentials, Metadata } from '@grpc/grpc-js';
import type { FakeCall, FakePod } from '@podwire/http2/testing';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { expect, test, vi } from 'vitest';
import type { ChannelOptions } from '../../packages/client/src/options/channel-options.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';
import { counted, fleet } from './fleet.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1'] as const;
const [A, B] = PODS;
const PATH = '/grpc.health.v1.Health/Watch';
const OPTIONS: ChannelOptions = { policy: 'round_robin', health: { serviceName: 'shop.Orders' } };

const NUMBERS = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
type Status = keyof typeof NUMBERS;
/** A `HealthCheckResponse`; field 1 is the status. */
const answer = (status: Status) => Buffer.from([0x08, NUMBERS[status]]);

/** A Pod with a health service: calls go on to what the Pod did before, watches are kept. */
function healthy(pod: FakePod, first: Status | undefined) {
  const serve = pod.onCall;
  const watches: FakeCall[] = [];
  pod.onCall = (call) => {
    if (call.path !== PATH) return serve(call);
    watches.push(call);
    if (first !== undefined) call.reply(answer(first));
  };
  return {
    watches,
    /** On the newest watch. */
    say: (status: Status) => watches.at(-1)!.reply(answer(status)),
  };
}

/** Two Pods with health services. Calls begin once both are connected. */
async function watched(first: readonly (Status | undefined)[], options: ChannelOptions = OPTIONS) {
  const services: ReturnType<typeof healthy>[] = [];
  const at = await fleet(PODS, {}, options, (transport) => {
    for (const [i, address] of PODS.entries()) services.push(healthy(transport.pod(address), first[i]));
  });
  const events: string[] = [];
  at.channel.events.on('health', ({ id, health }) => events.push(`${id} ${health}`));
  const health = () => at.channel.snapshot().pods.map((pod) => pod.health);
  return { ...at, services, events, health };
}

test('a Pod takes calls once it has said that it serves', async () => {
  const { clock, services, calls, start, health, close } = await watched(['SERVING', undefined]);
  expect(counted(await calls(10))).toEqual({ [A]: 10 });
  expect(health()).toEqual(['SERVING', 'UNKNOWN']);
  const [request] = services[0]!.watches[0]!.messages;
  expect(request).toEqual(Buffer.concat([Buffer.from([0x0a, 11]), Buffer.from('shop.Orders')]));
  const named = start({ 'podwire-pod': B });
  await clock.advance(1);
  expect(named.messages).toEqual([B]);
  services[1]!.say('SERVING');
  await clock.advance(1);
  expect(counted(await calls(10))).toEqual({ [A]: 5, [B]: 5 });
  expect(await close()).toBe(0);
});

test('a channel is ready once a Pod has answered, and its first calls are spread over all that did', async () => {
  const { clock, channel, services, calls, close } = await watched([undefined, undefined]);
  expect(channel.snapshot().state).toBe('connecting');
  let isReady = false;
  void channel.ready().then(() => {
    isReady = true;
  });
  await clock.advance(500);
  expect(isReady).toBe(false);
  services[0]!.say('SERVING');
  await clock.advance(50);
  services[1]!.say('SERVING');
  await clock.advance(1);
  expect([isReady, channel.snapshot().state]).toEqual([true, 'ready']);
  expect(counted(await calls(10))).toEqual({ [A]: 5, [B]: 5 });
  expect(await close()).toBe(0);
});

test('NOT_SERVING stops new calls at once and ends none; SERVING brings them back at once', async () => {
  const { clock, services, pod, calls, start, events, close } = await watched(['SERVING', 'SERVING']);
  const open: FakeCall[] = [];
  const serve = pod(A).onCall;
  pod(A).onCall = (call) => (call.path === PATH ? serve(call) : open.push(call));
  const started = [start(), start()];
  await clock.advance(1);
  expect(open.length).toBe(1);
  services[0]!.say('NOT_SERVING');
  await clock.advance(1);
  expect(counted(await calls(10))).toEqual({ [B]: 10 });
  open[0]!.reply(Buffer.from('in flight'));
  open[0]!.end(0);
  await clock.advance(1);
  expect(started.flatMap(({ messages }) => messages).sort()).toEqual([B, 'in flight']);
  pod(A).onCall = serve;
  services[0]!.say('SERVING');
  await clock.advance(1);
  expect(counted(await calls(10))).toEqual({ [A]: 5, [B]: 5 });
  expect(events).toEqual([`${A} NOT_SERVING`, `${A} SERVING`]);
  expect(await close()).toBe(0);
});

test('from its third return within 30 s on, a Pod has to say SERVING for 1 s, then for 2 s', async () => {
  const { clock, services, calls, close } = await watched(['SERVING', 'SERVING']);
  const flap = async () => {
    services[0]!.say('NOT_SERVING');
    await clock.advance(1);
    services[0]!.say('SERVING');
    await clock.advance(1);
  };
  const isBack = async () => counted(await calls(4))[A] === 2;
  for (let i = 0; i < 2; i++) {
    await flap();
    expect(await isBack()).toBe(true);
  }
  for (const holdMs of [1_000, 2_000, 4_000]) {
    await flap();
    await clock.advance(holdMs - 10);
    expect(await isBack()).toBe(false);
    await clock.advance(10);
    expect(await isBack()).toBe(true);
  }
  await clock.advance(31_000);
  await flap();
  expect(await isBack()).toBe(true);
  expect(await close()).toBe(0);
});

test('a server without the health service counts as healthy, and is told of once', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { clock, pod, services, calls, health, events, close } = await watched([undefined, undefined]);
  for (const { watches } of services) watches[0]!.end(12);
  expect(counted(await calls(10))).toEqual({ [A]: 5, [B]: 5 });
  expect(health()).toEqual(['UNIMPLEMENTED', 'UNIMPLEMENTED']);
  expect(events).toEqual([`${A} UNIMPLEMENTED`, `${B} UNIMPLEMENTED`]);
  expect(warned.mock.calls.map(([, options]) => options)).toEqual([{ code: 'PODWIRE_NO_HEALTH' }]);
  warned.mockRestore();
  await clock.advance(300_000);
  expect(services.map(({ watches }) => watches.length)).toEqual([1, 1]);
  // Another process may be behind the next connection, so it is asked again.
  pod(A).close();
  await clock.advance(1_000);
  expect(services.map(({ watches }) => watches.length)).toEqual([2, 1]);
  expect(await close()).toBe(0);
});

test('a watch that ends is begun again, at once after an answer, else with backoff', async () => {
  const { clock, pod, services, calls, health, close } = await watched(['SERVING', 'SERVING']);
  await clock.advance(1_000);
  const { watches } = services[0]!;
  watches[0]!.end(14);
  await clock.advance(1);
  expect([watches.length, health()]).toEqual([2, ['SERVING', 'SERVING']]);

  const serve = pod(A).onCall;
  const beganMs: number[] = [];
  pod(A).onCall = (call) => {
    if (call.path !== PATH) return serve(call);
    beganMs.push(clock.nowMs());
    call.end(13);
  };
  await clock.advance(1_000);
  const startMs = clock.nowMs();
  watches[1]!.end(14);
  await clock.advance(8_000);
  expect(health()).toEqual(['UNKNOWN', 'SERVING']);
  expect(counted(await calls(4))).toEqual({ [B]: 4 });
  const [first, ...later] = beganMs.map((ms) => ms - startMs);
  expect([first, later.length]).toEqual([0, 3]);
  for (const [i, gap] of later.map((ms, i) => ms - [first!, ...later][i]!).entries()) {
    expect(gap).toBeGreaterThanOrEqual(0.8 * 1_000 * 1.6 ** i);
    expect(gap).toBeLessThanOrEqual(1.2 * 1_000 * 1.6 ** i);
  }
  pod(A).onCall = serve;
  await clock.advance(10_000);
  expect(counted(await calls(4))).toEqual({ [A]: 2, [B]: 2 });
  expect(await close()).toBe(0);
});

test('a server that answers and ends every watch is asked once a second', async () => {
  const { clock, pod, services, close } = await watched(['SERVING', 'SERVING']);
  const serve = pod(A).onCall;
  pod(A).onCall = (call) => {
    serve(call);
    if (call.path === PATH) call.end(0);
  };
  services[0]!.watches[0]!.end(0);
  await clock.advance(10_000);
  const { length } = services[0]!.watches;
  expect(length).toBeGreaterThan(8);
  expect(length).toBeLessThan(13);
  expect(await close()).toBe(0);
});

test('a watch is no call: it holds no closed Pod open, and GOAWAY cancels it', async () => {
  const { clock, channel, pod, services, health, close } = await watched(['SERVING', 'SERVING']);
  expect(channel.snapshot()).toMatchObject({
    calls: { open: 0 },
    pods: [
      { inFlight: 0, calls: 0 },
      { inFlight: 0, calls: 0 },
    ],
  });
  pod(A).goAway();
  await clock.advance(200);
  // The old connection is closed by then: it does not wait for the watch.
  expect([services[0]!.watches.length, pod(A).connections.size, pod(A).attempts]).toEqual([2, 1, 2]);
  expect(health()).toEqual(['SERVING', 'SERVING']);
  expect(await close()).toBe(0);
});

test('a Pod that takes one stream at a time is not watched, and takes calls', async () => {
  const at = await fleet(PODS, {}, OPTIONS, (transport) => transport.pod(A).limit(1));
  const { pod, calls, channel, close } = at;
  expect(counted(await calls(4))).toEqual({ [A]: 4 });
  expect(pod(A).calls.some(({ path }) => path === PATH)).toBe(false);
  expect(channel.snapshot().pods[0]?.health).toBeUndefined();
  expect(await close()).toBe(0);
});

test('a call that waits says what the Pods say', async () => {
  const { clock, services, start, close } = await watched([undefined, 'NOT_SERVING'], {
    ...OPTIONS,
    // Otherwise the Pod that says no gets the call, because no other is left.
    panicThreshold: 0,
    waiting: { timeoutMs: 100 },
  });
  const call = start();
  await clock.advance(101);
  expect(call.status).toMatchObject({
    reason: 'WAIT_TIMEOUT',
    details: expect.stringContaining(
      `${A}: it has not said whether it serves; ${B}: it says that it does not serve (NOT_SERVING)`,
    ),
  });
  services[1]!.say('SERVICE_UNKNOWN');
  await clock.advance(1);
  expect(await close()).toBe(0);
});

test.each([
  ['by the service config', { serviceConfig: { healthCheckConfig: { serviceName: 'x' } } }, 1],
  ['by an option that stands above it', { serviceConfig: { healthCheckConfig: {} }, health: {} }, 1],
  [
    'not where the option says so',
    { serviceConfig: { healthCheckConfig: { serviceName: 'x' } }, health: false },
    0,
  ],
  ['not with pick_first', { policy: 'pick_first', health: {} }, 0],
  ['not where nothing asks for it', {}, 0],
] as const)('Pods are watched %s', async (_name, options, watches) => {
  const { services, calls, close } = await watched(['SERVING', 'SERVING'], {
    policy: 'round_robin',
    ...options,
  });
  expect(services.map((one) => one.watches.length)).toEqual([watches, watches]);
  expect(await calls(2)).not.toContain('status 14');
  expect(await close()).toBe(0);
});

test('a lame duck says NOT_SERVING and then GOAWAY: its calls finish, and new ones go elsewhere', async () => {
  const { clock, pod, services, start, calls, close } = await watched(['SERVING', 'SERVING']);
  const open: FakeCall[] = [];
  const serve = pod(A).onCall;
  pod(A).onCall = (call) => (call.path === PATH ? serve(call) : open.push(call));
  const started = [start(), start()];
  await clock.advance(1);
  services[0]!.say('NOT_SERVING');
  await clock.advance(1);
  pod(A).refuse();
  pod(A).goAway();
  await clock.advance(1);
  expect(services[0]!.watches.length).toBe(1);
  expect(counted(await calls(10))).toEqual({ [B]: 10 });
  open[0]!.reply(Buffer.from('in flight'));
  open[0]!.end(0);
  await clock.advance(1);
  expect(started.flatMap(({ messages }) => messages).sort()).toEqual([B, 'in flight']);
  expect(pod(A).connections.size).toBe(0);
  expect(await close()).toBe(0);
});

test('the option may change while calls run', async () => {
  const { clock, channel, services, calls, health, close } = await watched(['SERVING', 'NOT_SERVING'], {
    policy: 'round_robin',
  });
  const apply = async (options: ChannelOptions) => {
    channel.apply(parseOptions({ name: 'orders', policy: 'round_robin', ...options }));
    await clock.advance(1);
  };
  expect(counted(await calls(10))).toEqual({ [A]: 5, [B]: 5 });
  await apply({ health: {} });
  expect(health()).toEqual(['SERVING', 'NOT_SERVING']);
  expect(counted(await calls(10))).toEqual({ [A]: 10 });
  // Another change leaves the watches alone.
  await apply({ health: {}, drainMs: 1 });
  expect(services.map(({ watches }) => watches.length)).toEqual([1, 1]);
  await apply({ health: false });
  expect([health(), services[1]!.watches[0]!.resetCode]).toEqual([[undefined, undefined], 8]);
  expect(counted(await calls(10))).toEqual({ [A]: 5, [B]: 5 });
  expect(await close()).toBe(0);
});

test('a Pod whose attribute health.service names a service is watched, and its call credentials are sent', async () => {
  const registry = new ScriptedRegistry();
  const metadata = new Metadata();
  metadata.set('authorization', 'token');
  const callCredentials = credentials.createFromMetadataGenerator((_options, done) => done(null, metadata));
  const services: ReturnType<typeof healthy>[] = [];
  const options = { registries: [registry], tls: true as const, callCredentials };
  const { clock, channel, close } = await fleet(PODS, {}, options, (transport) => {
    for (const address of PODS) services.push(healthy(transport.pod(address), 'SERVING'));
  });
  registry.reset({ address: A, attributes: { 'health.service': 'x' } }, { address: B });
  await clock.advance(1_000);
  expect(channel.snapshot().pods.map(({ health }) => health)).toEqual(['SERVING', undefined]);
  const [{ headers, messages } = { headers: [], messages: [] }] = services[0]!.watches;
  expect(messages[0]?.toString('hex')).toBe('0a0178');
  expect(headers).toContain('token');
  registry.upsert({ address: A, attributes: {} });
  await clock.advance(1_000);
  expect(channel.snapshot().pods.map(({ health }) => health)).toEqual([undefined, undefined]);
  expect(await close()).toBe(0);
});
