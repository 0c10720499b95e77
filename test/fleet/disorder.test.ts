import { credentials, Metadata } from '@grpc/grpc-js';
import { settle, VirtualClock } from '@podwire/core/testing';
import { FakeTransport } from '@podwire/http2/testing';
import { ScriptedRegistry } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { Channel } from '../../packages/client/src/channel/channel.ts';
import { parseOptions } from '../../packages/client/src/options/settings.ts';
import { behave, bookkeeper, Chance, disorderlyRoutes, meddlers } from './disorder.ts';
import { seeded } from './fleet.ts';

const MESH = '10.9.9.9:1';
const PODS = [1, 2, 3, 4, 5, 6].map((port) => `10.0.0.1:${port}`);
const ALL = [...PODS, MESH];
const STEPS = 200;
const RETRY = { maxAttempts: 3, initialBackoff: '0.05s', maxBackoff: '0.2s', backoffMultiplier: 2 };
const POLICIES = [
  { retryPolicy: { ...RETRY, retryableStatusCodes: ['UNAVAILABLE'] } },
  { hedgingPolicy: { maxAttempts: 3, hedgingDelay: '0.05s', nonFatalStatusCodes: ['UNAVAILABLE'] } },
];

/** A channel to which everything happens, at random. */
function open(seed: number) {
  const random = seeded(seed * 7_919);
  const chance = new Chance(random);
  const clock = new VirtualClock();
  const transport = new FakeTransport(clock);
  const registry = new ScriptedRegistry();
  const monitors = meddlers(chance, clock);
  const methodPolicy = chance.one(POLICIES);
  const books = bookkeeper('hedgingPolicy' in methodPolicy);
  const calls: { call: ReturnType<Channel['createCall']>; ends: number }[] = [];
  const methodConfig = [{ name: [{}], ...methodPolicy }];
  const settings = () => ({
    ...parseOptions({
      name: 'orders',
      registries: [registry],
      mesh: { address: MESH },
      tls: true,
      mode: chance.one(['direct', 'mesh']),
      policy: chance.one(['pick_first', 'round_robin', 'least_request', 'ring_hash']),
      drainMs: 500,
      maxConnectionsPerPod: 1 + chance.below(2),
      waiting: { timeoutMs: 1_000 + chance.below(2_000), maxCalls: 5 + chance.below(20) },
      retryBuffer: { perCallBytes: 100, perChannelBytes: 2_000 },
      serviceConfig: { methodConfig },
    }),
    transport,
  });
  const env = { clock, random, afterPoll: (fn: () => void) => void clock.after(0, fn) };
  const channel = new Channel(
    'scripted:///orders',
    settings(),
    env,
    {},
    {
      routing: disorderlyRoutes([monitors.factory]),
      observers: [books.observer],
    },
  );
  for (const address of ALL) behave(transport.pod(address), clock, chance);

  function sayPods(): void {
    const named = PODS.filter(() => chance.percent(70));
    registry.reset(...named.map((address) => ({ address, weight: chance.percent(90) ? 1 : 0 })));
  }

  function headers(): Metadata {
    const metadata = new Metadata({ waitForReady: chance.percent(20) });
    if (chance.percent(30)) metadata.set('x-to', chance.one(['one', 'one', 'none']));
    if (chance.percent(15)) metadata.set('podwire-pod', chance.one(PODS));
    else if (chance.percent(25))
      metadata.set('podwire-exclude-pod', `${chance.one(PODS)},${chance.one(PODS)}`);
    return metadata;
  }

  function start(): void {
    const timeoutMs = chance.percent(30) ? chance.below(1_000) - 5 : Number.POSITIVE_INFINITY;
    const call = channel.createCall('/a.B/C', clock.wallMs() + timeoutMs, null, null, null);
    const one = { call, ends: 0 };
    calls.push(one);
    if (chance.percent(20))
      call.setCredentials(
        credentials.createFromMetadataGenerator((_, done) => {
          const failure = chance.percent(20) ? new Error('no token') : null;
          clock.after(chance.below(300), () => done(failure, new Metadata()));
        }),
      );
    if (chance.percent(5)) call.cancelWithStatus(1, 'before it was started');
    const listener = {
      onReceiveMetadata() {},
      onReceiveMessage() {},
      onReceiveStatus() {
        one.ends += 1;
      },
    };
    const isUnary = chance.percent(60);
    call.start(headers(), listener, 2, isUnary);
    send(isUnary ? 0 : chance.below(5));
    function send(more: number): void {
      const callback = () => void clock.after(chance.below(20), () => send(more - 1));
      call.sendMessageWithContext(more === 0 ? {} : { callback }, Buffer.alloc(chance.below(150)));
      if (more === 0) call.halfClose();
    }
  }

  const happenings: (() => void)[] = [
    ...new Array(5).fill(() => {
      for (let count = chance.below(6); count >= 0; count--) start();
    }),
    sayPods,
    () => void channel.setMode(chance.one(['direct', 'mesh'])),
    () => transport.pod(chance.one(ALL)).close(),
    () => transport.pod(chance.one(ALL)).goAway(),
    () => transport.pod(chance.one(ALL)).refuse(),
    () => transport.pod(chance.one(ALL)).hang(),
    () => transport.pod(chance.one(ALL)).accept(),
    () => transport.pod(chance.one(ALL)).accept(),
    () => transport.pod(chance.one(ALL)).limit(chance.below(4)),
    () => behave(transport.pod(chance.one(ALL)), clock, chance),
    () => calls.length > 0 && chance.one(calls).call.cancelWithStatus(1, 'by its caller'),
    () => chance.percent(30) && channel.apply(settings()),
  ];

  async function calmDown(): Promise<void> {
    for (const address of ALL) {
      const pod = transport.pod(address);
      pod.answer(Buffer.from('ok'));
      pod.accept();
      pod.limit(100);
    }
    registry.reset(...PODS);
    monitors.calm();
    // Those that no Pod has answered are sent again, or end with their connections.
    for (let time = 0; time < 3; time++) {
      for (const address of ALL) transport.pod(address).close();
      await clock.advance(8_000);
    }
  }

  return { clock, channel, transport, chance, calls, happenings, sayPods, calmDown, monitors, books };
}

// Whatever happens, and in whatever order, a call ends once, and nothing is left behind.
test.each(Array.from({ length: 32 }, (_, i) => i + 1))('in disorder %i each call ends once', async (seed) => {
  const { clock, channel, transport, chance, calls, happenings, sayPods, calmDown, ...told } = open(seed);
  sayPods();
  for (let step = 0; step < STEPS; step++) {
    chance.one(happenings)();
    await clock.advance(chance.percent(10) ? chance.below(3_000) : chance.below(30));
  }
  expect(channel.snapshot().calls.open).toBe(calls.filter(({ ends }) => ends === 0).length);
  if (chance.percent(50)) {
    await calmDown();
    expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  }
  const closed = channel.close({ graceMs: chance.below(500) });
  await clock.advance(20_000);
  await closed;
  await settle();
  expect(calls.filter(({ ends }) => ends !== 1)).toEqual([]);
  expect([...told.monitors.wrong, ...told.books.wrong]).toEqual([]);
  expect(told.books.open).toEqual({ calls: 0, attempts: 0 });
  const { retryBytes, suspended, wheel, waitLimit } = calls[0]!.call.runtime;
  expect([retryBytes, suspended.size, wheel.size, waitLimit.waiting]).toEqual([0, 0, 0, 0]);
  expect(ALL.reduce((sum, address) => sum + transport.pod(address).connections.size, 0)).toBe(0);
  expect(clock.pending).toBe(0);
});
