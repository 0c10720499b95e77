// Long because a call and its attempts are tested over one setup.
import { credentials, Metadata } from '@grpc/grpc-js';
import { MethodNorm } from '@podwire/balancer';
import { settle, VirtualClock } from '@podwire/core/testing';
import { type FakeCall, FakeTransport } from '@podwire/http2/testing';
import { toEndpoint } from '@podwire/registry';
import { describe, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ChannelOptions } from '../options/channel-options.ts';
import type { MethodConfig } from '../options/method-config.ts';
import { parseOptions } from '../options/settings.ts';
import { ConnectGate } from '../pod/connect-gate.ts';
import { ConnectionPool } from '../pod/connection-pool.ts';
import { PingTime } from '../pod/ping-time.ts';
import type { PodwireStatus } from '../reasons.ts';
import { Call } from './call.ts';
import { CallPlan } from './call-plan.ts';
import { CallRuntime } from './call-runtime.ts';

const [A, B, C, D] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1', '10.0.0.4:1'] as const;
const PATH = '/shop.Orders/Get';
const CANCEL = 8;
const UNAVAILABLE = new Set([14]);
const retry = (delayMs: number, maxAttempts = 3) => ({
  maxAttempts,
  initialBackoffMs: delayMs,
  maxBackoffMs: delayMs,
  backoffMultiplier: 1,
  retryableStatusCodes: UNAVAILABLE,
});
const hedging = (maxAttempts: number) => ({
  maxAttempts,
  hedgingDelayMs: 50,
  nonFatalStatusCodes: UNAVAILABLE,
});

/** A runtime with clusters, each under the name that the header `x-to` gives; `a` is the default. */
async function open(
  clusters: Record<string, readonly string[]>,
  config: MethodConfig = {},
  options: ChannelOptions = {},
) {
  const clock = new VirtualClock();
  const transport = new FakeTransport(clock);
  const env = { clock, random: () => 0.5, afterPoll: (fn: () => void) => void clock.after(0, fn) };
  const settings = parseOptions({ name: 'orders', policy: 'round_robin', tls: {}, ...options });
  const pool = new ConnectionPool({
    env,
    transport,
    gate: new ConnectGate(clock, 32, 100),
    pings: new PingTime('orders', 10_000),
    backoff: { initialMs: 100, maxMs: 10_000, downMs: 1_000 },
    maxConnectionsPerPod: 1,
    connectionOptions: ({ host, port }) => ({ host, port, connectTimeoutMs: 60_000 }) as never,
  });
  const plans = new Map<string, CallPlan>();
  const runtime = new CallRuntime({
    service: 'orders',
    target: 'static:///orders',
    settings,
    env,
    planner: { plan: (_method, _host, header) => plans.get(header('x-to') ?? 'a') },
    observer: undefined,
  });
  for (const [name, addresses] of Object.entries(clusters)) {
    const cluster = new Cluster({
      ...{
        name,
        env,
        pool,
        policy: settings.policy,
        drainMs: 1_000,
        panicThreshold: 50,
        maxCallsPerPod: 0,
        authority: 'orders',
      },
      ...{ commonHeaders: [], waitLimit: runtime.waitLimit, onChange() {}, onPod() {}, onReport() {} },
    });
    cluster.update(addresses.map((address) => toEndpoint({ address })));
    const limits = { maxSendBytes: -1, maxReceiveBytes: -1, needsHash: false };
    plans.set(name, new CallPlan({ cluster, path: PATH, norm: new MethodNorm(), config, ...limits }));
  }
  await clock.advance(200);

  function make(timeoutMs = Number.POSITIVE_INFINITY) {
    const call = new Call(runtime, { path: PATH, only: undefined }, clock.nowMs() + timeoutMs, undefined);
    const ends: PodwireStatus[] = [];
    const start = (to = 'a') => {
      const metadata = new Metadata();
      metadata.set('x-to', to);
      const onReceiveStatus = (status: unknown) => void ends.push(status as PodwireStatus);
      call.start(metadata, { onReceiveMetadata() {}, onReceiveMessage() {}, onReceiveStatus });
      call.startRead();
      call.sendMessageWithContext({}, Buffer.from('request'));
      call.halfClose();
    };
    return { call, ends, start };
  }

  return {
    ...{ clock, runtime, make, transport, cluster: (name: string) => plans.get(name)!.cluster },
    pod: (address: string) => transport.pod(address),
    started(timeoutMs?: number, to?: string) {
      const one = make(timeoutMs);
      one.start(to);
      return one;
    },
    /** Calls that arrived at each Pod. */
    arrived: () => [A, B, C, D].map((address) => transport.pod(address).calls.length),
    /** What the calls leave behind. */
    left: () => ({
      open: runtime.openCalls,
      waiting: runtime.waitLimit.waiting,
      suspended: runtime.suspended.size,
      retryBytes: runtime.retryBytes,
      inFlight: [...plans.values()].map(({ cluster }) => cluster.total.inFlight),
    }),
    /** Ends everything, and says how many timers that leaves. */
    async close() {
      runtime.close();
      for (const { cluster } of plans.values()) cluster.close('closed by the test');
      pool.close();
      await clock.advance(100);
      return clock.pending;
    },
  };
}

const NOTHING = { open: 0, waiting: 0, suspended: 0, retryBytes: 0, inFlight: [0] };

/** Credentials that come when the test says so. */
function late() {
  let give = (_error: Error | null, _metadata?: Metadata) => {};
  const made = credentials.createFromMetadataGenerator((_options, callback) => {
    give = callback;
  });
  return { made, give: (...args: Parameters<typeof give>) => give(...args) };
}

describe('a call', () => {
  test('goes through its phases, and leaves nothing behind', async () => {
    const { clock, runtime, make, pod, left, close } = await open({ a: [A] }, { retry: retry(50) });
    pod(A).fail(14);
    pod(A).limit(0);
    const { made, give } = late();
    await clock.advance(1);
    const { call, ends, start } = make(1_000);
    const phases: string[] = [call.phase];
    const look = async (ms: number) => {
      await clock.advance(ms);
      phases.push(call.phase);
    };
    call.setCredentials(made);
    start();
    phases.push(call.phase);
    await settle();
    expect(left()).toEqual({ ...NOTHING, open: 1, suspended: 1 });
    give(null, new Metadata());
    await look(1);
    expect(left()).toMatchObject({ waiting: 1, suspended: 0 });
    pod(A).latencyMs = 5;
    pod(A).limit(10);
    await look(6);
    expect(left()).toMatchObject({ waiting: 0, inFlight: [1] });
    await look(10);
    expect(left()).toMatchObject({ suspended: 1, inFlight: [0] });
    pod(A).answer(Buffer.from('reply'));
    await look(100);
    expect(phases).toEqual(['new', 'authenticating', 'waiting', 'running', 'pausing', 'ended']);
    expect([ends.map(({ code }) => code), left(), runtime.openCalls]).toEqual([[0], NOTHING, 0]);
    expect(await close()).toBe(0);
  });

  test('that is cancelled before it is started tells so when it is, and is never sent', async () => {
    const { clock, make, arrived, left, close } = await open({ a: [A] });
    const { call, ends, start } = make(100);
    call.cancelWithStatus(1, 'not wanted');
    await clock.advance(1);
    expect(ends).toEqual([]);
    start();
    await clock.advance(1_000);
    expect(ends).toMatchObject([{ code: 1, details: 'not wanted', reason: 'CANCELLED', pods: [] }]);
    expect([arrived()[0], left()]).toEqual([0, NOTHING]);
    expect(await close()).toBe(0);
  });

  test('whose deadline had passed before its start says that', async () => {
    const { clock, started, arrived, left, close } = await open({ a: [A] });
    const { ends } = started(-5);
    await clock.advance(1);
    expect(ends).toMatchObject([{ code: 4, reason: 'DEADLINE_EXCEEDED' }]);
    expect(ends[0]!.details).toMatch(/^the deadline had passed before the call was started \[/);
    expect([arrived()[0], left()]).toEqual([0, NOTHING]);
    expect(await close()).toBe(0);
  });

  test.each([
    ['its caller', 1, /^not wanted$/],
    ['its deadline', 4, /^deadline exceeded after 10[01] ms, waiting for call credentials \[/],
    ['the channel', 14, /^the channel was closed \[/],
  ] as const)(
    'that waits for credentials is ended by %s, and they come too late to send it',
    async (by, code, details) => {
      const { clock, runtime, make, arrived, left, close } = await open({ a: [A] });
      const { made, give } = late();
      const { call, ends, start } = make(100);
      call.setCredentials(made);
      start();
      await clock.advance(1);
      if (by === 'its caller') call.cancelWithStatus(1, 'not wanted');
      if (by === 'the channel') runtime.close();
      await clock.advance(200);
      expect(ends).toMatchObject([{ code, details: expect.stringMatching(details) }]);
      give(null, new Metadata());
      await clock.advance(1);
      expect([ends.length, call.phase, arrived()[0], left()]).toEqual([1, 'ended', 0, NOTHING]);
      expect(await close()).toBe(0);
    },
  );

  test('counts where it waits: one limit holds over all clusters', async () => {
    const { clock, pod, started, cluster, left, close } = await open(
      { a: [A], b: [B] },
      {},
      { waiting: { maxCalls: 2 } },
    );
    for (const address of [A, B]) pod(address).limit(0);
    await clock.advance(1);
    const [inA, inB] = [started(), started(undefined, 'b')];
    await clock.advance(1);
    expect([cluster('a').queue.size, cluster('b').queue.size]).toEqual([1, 1]);
    for (const name of ['a', 'b']) {
      const refused = started(undefined, name);
      await clock.advance(1);
      expect(refused.ends).toMatchObject([{ code: 14, reason: 'WAIT_QUEUE_FULL' }]);
      expect(refused.ends[0]!.details).toMatch(
        /^2 calls \(waiting.maxCalls\) wait already for room on a Pod/,
      );
    }
    inA.call.cancelWithStatus(1, 'not wanted');
    const second = started(undefined, 'b');
    await clock.advance(1);
    expect([cluster('a').queue.size, cluster('b').queue.size]).toEqual([0, 2]);
    pod(B).answer(Buffer.from('reply'));
    pod(B).limit(10);
    await clock.advance(1);
    expect([inB.ends, second.ends]).toMatchObject([[{ code: 0 }], [{ code: 0 }]]);
    expect(left()).toEqual({ ...NOTHING, inFlight: [0, 0] });
    expect(await close()).toBe(0);
  });

  test('that got its Pod in time may run longer than it might have waited', async () => {
    const { clock, pod, started, left, close } = await open({ a: [A] }, {}, { waiting: { timeoutMs: 100 } });
    pod(A).limit(0);
    await clock.advance(1);
    const { ends } = started(10_000);
    await clock.advance(90);
    pod(A).limit(1);
    await clock.advance(500);
    expect([ends, left().inFlight]).toEqual([[], [1]]);
    const behind = started(10_000);
    await clock.advance(150);
    expect(behind.ends).toMatchObject([{ code: 14, reason: 'WAIT_TIMEOUT' }]);
    pod(A).calls[0]!.end(0);
    await clock.advance(1);
    expect([ends.map(({ code }) => code), left()]).toEqual([[0], NOTHING]);
    expect(await close()).toBe(0);
  });
});

describe('the attempts of a call', () => {
  const reply = (call: FakeCall) => {
    call.reply(Buffer.from('reply'));
    call.end(0);
  };

  test('go on after a GOAWAY while a hedge is open: the call that was left out is not counted', async () => {
    const { clock, pod, started, arrived, left, close } = await open(
      { a: [A, B, C, D] },
      { hedging: hedging(3) },
    );
    const { ends } = started();
    await clock.advance(60);
    const order = () => [A, B, C, D].filter((address) => pod(address).calls.length > 0);
    const [first] = order();
    const [, second] = order().toSorted((a) => (a === first ? -1 : 1));
    expect(order().length).toBe(2);
    // It looked at none of its calls.
    pod(first!).goAway(0, '', 0);
    await clock.advance(30);
    expect([order().length, ends, left().inFlight]).toEqual([2, [], [1]]);
    await clock.advance(100);
    expect([arrived(), left().inFlight]).toEqual([[1, 1, 1, 1], [3]]);
    await clock.advance(1_000);
    expect(arrived()).toEqual([1, 1, 1, 1]);
    reply(pod(second!).calls[0]!);
    await clock.advance(1);
    expect(ends.map(({ code }) => code)).toEqual([0]);
    const losers = [A, B, C, D].filter((address) => address !== first && address !== second);
    expect(losers.map((address) => pod(address).calls[0]!.resetCode)).toEqual([CANCEL, CANCEL]);
    expect(left()).toEqual(NOTHING);
    expect(await close()).toBe(0);
  });

  test('a hedge that fails leaves the call to those that are open, and the last failure ends it', async () => {
    const { clock, pod, started, arrived, left, close } = await open({ a: [A, B] }, { hedging: hedging(2) });
    const { ends } = started();
    await clock.advance(60);
    expect(arrived()).toEqual([1, 1, 0, 0]);
    pod(B).calls[0]!.end(14, 'one');
    await clock.advance(1);
    expect([ends, left().inFlight]).toEqual([[], [1]]);
    pod(A).calls[0]!.end(14, 'other');
    await clock.advance(1);
    expect(ends).toMatchObject([{ code: 14, details: 'other' }]);
    expect([arrived(), left()]).toEqual([[1, 1, 0, 0], NOTHING]);
    expect(await close()).toBe(0);
  });

  test('a server that forbids another try stops the hedges that were planned, not those that are open', async () => {
    const { clock, pod, started, arrived, left, close } = await open(
      { a: [A, B, C] },
      { hedging: hedging(3) },
    );
    const { ends } = started();
    await clock.advance(60);
    const [one, other] = [A, B, C].filter((address) => pod(address).calls.length > 0);
    pod(one!).calls[0]!.end(14, 'no more', ['grpc-retry-pushback-ms', '-1']);
    await clock.advance(500);
    expect([ends, arrived().reduce((sum, n) => sum + n), left().inFlight]).toEqual([[], 2, [1]]);
    reply(pod(other!).calls[0]!);
    await clock.advance(1);
    expect([ends.map(({ code }) => code), left()]).toEqual([[0], NOTHING]);
    expect(await close()).toBe(0);
  });

  test('no hedge is made while half of the tokens are gone', async () => {
    const retryThrottling = { maxTokens: 2, tokenRatio: 1 };
    const { clock, pod, runtime, started, arrived, left, close } = await open(
      { a: [A, B] },
      { hedging: hedging(2) },
      { serviceConfig: { retryThrottling } },
    );
    runtime.throttle!.onFailure();
    const { ends } = started();
    await clock.advance(500);
    const [only] = [A, B].filter((address) => pod(address).calls.length > 0);
    expect(arrived().reduce((sum, n) => sum + n)).toBe(1);
    reply(pod(only!).calls[0]!);
    await clock.advance(1);
    // The success gave a token back.
    expect([ends.map(({ code }) => code), runtime.throttle!.allowed]).toEqual([[0], true]);
    started();
    await clock.advance(60);
    expect(arrived().reduce((sum, n) => sum + n)).toBe(3);
    runtime.close();
    expect(await close()).toBe(0);
    expect(left().inFlight).toEqual([0]);
  });

  test('a call is sent again once for a refusal, and after that by its policy, which tells the count', async () => {
    const { clock, pod, started, left, close } = await open({ a: [A] }, { retry: retry(50) });
    // REFUSED_STREAM
    pod(A).onCall = (call) => call.reset(7);
    const { ends } = started();
    const counts = () =>
      pod(A).calls.map(({ headers }) => headers[headers.indexOf('grpc-previous-rpc-attempts') + 1]);
    await clock.advance(40);
    // The second one is not counted: there was no attempt before it.
    expect([pod(A).calls.length, ends, left()]).toMatchObject([2, [], { suspended: 1, inFlight: [0] }]);
    await clock.advance(1_000);
    expect(ends).toMatchObject([{ code: 14, reason: 'REFUSED', pods: [A, A, A, A] }]);
    expect(counts().slice(2)).toEqual(['1', '2']);
    expect(pod(A).calls.map(({ headers }) => headers.includes('grpc-previous-rpc-attempts'))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(left()).toEqual(NOTHING);
    expect(await close()).toBe(0);
  });

  test('the limit of all calls together binds the call that exceeds it, and those before it may try again', async () => {
    // Each message has seven bytes.
    const { clock, pod, runtime, started, left, close } = await open(
      { a: [A] },
      { retry: retry(50, 2) },
      { retryBuffer: { perChannelBytes: 10 } },
    );
    const [first, second] = [started(), started()];
    await clock.advance(1);
    expect([pod(A).calls.length, runtime.retryBytes]).toEqual([2, 7]);
    for (const call of pod(A).calls) call.end(14, 'try later');
    await clock.advance(1);
    expect([first!.ends, second!.ends]).toMatchObject([[], [{ code: 14, details: 'try later' }]]);
    await clock.advance(100);
    const again = pod(A).calls[2]!;
    expect([pod(A).calls.length, String(again.messages)]).toEqual([3, 'request']);
    reply(again);
    await clock.advance(1);
    expect([first!.ends.map(({ code }) => code), left()]).toEqual([[0], NOTHING]);
    expect(await close()).toBe(0);
  });
});
