import { stallsOf } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { FakeTransport } from '@podwire/http2/testing';
import { toEndpoint } from '@podwire/registry';
import { expect, test } from 'vitest';
import { ConnectGate } from './connect-gate.ts';
import { ConnectionPool } from './connection-pool.ts';
import { PingTime } from './ping-time.ts';
import { ClientPod, type PodOwner } from './pod.ts';

const ADDRESS = '10.0.0.1:1';
const HEAD = { method: { path: '/a/b', authority: 'a', headers: [] }, headers: [], maxReceiveBytes: -1 };
const HANDLER = { onHeaders() {}, onMessage() {}, onEnd() {} };

/** A pool over scripted Pods, and clusters that have Pods of it. */
function open(maxConnectionsPerPod = 1) {
  const clock = new VirtualClock();
  const env = { clock, random: () => 0.5, afterPoll: (fn: () => void) => void clock.after(0, fn) };
  const transport = new FakeTransport(clock);
  const pool = new ConnectionPool({
    env,
    transport,
    gate: new ConnectGate(clock, 32, 100),
    pings: new PingTime('orders', 10_000),
    backoff: { initialMs: 100, maxMs: 10_000, downMs: 1_000 },
    maxConnectionsPerPod,
    connectionOptions: ({ host, port }) => ({
      host,
      port,
      path: undefined,
      tls: undefined,
      connectTimeoutMs: 5_000,
      keepaliveTimeMs: 0,
      keepaliveTimeoutMs: 5_000,
      keepaliveWithoutCalls: false,
      maxHeaderListBytes: 16_384,
      env,
    }),
  });
  /** A Pod in a cluster of its own, and the states that the cluster was told. */
  const podIn = () => {
    const states: string[] = [];
    const owner: PodOwner = {
      env,
      pool,
      total: { inFlight: 0 },
      monitors: undefined,
      stalls: stallsOf(clock),
      heeded: -1,
      divertsAfterMs: 0,
      maxCallsPerPod: 0,
      hearsOthers: () => true,
      onSuspect() {},
      onRank() {},
      isDown: () => false,
      onState: ({ state }) => void states.push(state),
      onWeight() {},
      onRoom() {},
    };
    return { pod: new ClientPod(toEndpoint({ address: ADDRESS }), owner), states };
  };
  return { clock, podIn, there: transport.pod(ADDRESS) };
}

test('two clusters that name a Pod have one connection, and each hears of it', async () => {
  const { clock, podIn, there } = open();
  const [one, two] = [podIn(), podIn()];
  one.pod.connect();
  two.pod.connect();
  await clock.advance(1);
  expect([one.states, two.states]).toEqual([
    ['connecting', 'ready'],
    ['connecting', 'ready'],
  ]);
  expect([there.attempts, one.pod.connections === two.pod.connections]).toEqual([1, true]);
  there.close();
  await clock.advance(1);
  expect([one.pod.state, two.pod.state, there.attempts]).toEqual(['ready', 'ready', 2]);
  one.pod.close('done');
  two.pod.close('done');
  await clock.advance(1);
  expect([there.connections.size, clock.pending]).toEqual([0, 0]);
});

test('a cluster that comes later takes the connection as it is', async () => {
  const { clock, podIn, there } = open();
  const one = podIn();
  one.pod.connect();
  await clock.advance(1);
  const two = podIn();
  expect(two.pod.state).toBe('idle');
  two.pod.connect();
  expect([two.states, two.pod.available, there.attempts]).toEqual([['ready'], true, 1]);
});

test('a cluster that lets a Pod go ends nothing of another one', async () => {
  const { clock, podIn, there } = open();
  const [one, two] = [podIn(), podIn()];
  for (const { pod } of [one, two]) pod.connect();
  await clock.advance(1);
  const ends: string[] = [];
  two.pod.connections.open(HEAD, { ...HANDLER, onEnd: ({ kind }) => void ends.push(kind) });
  one.pod.rest();
  one.pod.connect();
  one.pod.drain(1_000);
  // It has no calls of its own: nothing is waited for.
  expect(one.pod.state).toBe('closed');
  await clock.advance(2_000);
  expect([two.pod.state, there.connections.size, ends]).toEqual(['ready', 1, []]);
  two.pod.drain(1_000);
  await clock.advance(500);
  expect([two.pod.state, ends]).toEqual(['draining', []]);
  await clock.advance(501);
  expect([two.pod.state, ends, there.connections.size]).toEqual(['closed', ['connection-lost'], 0]);
});

test('what a cluster still sends on a shared connection may end within its drain time', async () => {
  const { clock, podIn } = open();
  const [one, two] = [podIn(), podIn()];
  for (const { pod } of [one, two]) pod.connect();
  await clock.advance(1);
  one.pod.load.start();
  one.pod.drain(1_000);
  expect(one.pod.state).toBe('draining');
  await clock.advance(1_001);
  expect([one.pod.state, two.pod.state]).toEqual(['closed', 'ready']);
});

test('a Pod that leaves and comes back while its calls end is connected anew', async () => {
  const { clock, podIn, there } = open();
  const { pod, states } = podIn();
  pod.connect();
  await clock.advance(1);
  const stream = pod.connections.open(HEAD, HANDLER);
  pod.drain(10_000);
  pod.connect();
  await clock.advance(1);
  expect([states.at(-1), there.attempts, there.connections.size]).toEqual(['ready', 2, 2]);
  stream!.cancel(8);
  await clock.advance(1);
  expect(there.connections.size).toBe(1);
});

test('when the streams of a connection are used up another one is made, up to the limit', async () => {
  const { clock, podIn, there } = open(2);
  there.limit(1);
  const { pod } = podIn();
  pod.connect();
  await clock.advance(1);
  const streams = [pod.connections.open(HEAD, HANDLER)];
  expect(pod.hasRoom).toBe(false);
  await clock.advance(1);
  expect([pod.hasRoom, there.attempts]).toEqual([true, 2]);
  streams.push(pod.connections.open(HEAD, HANDLER));
  await clock.advance(100);
  expect([pod.hasRoom, there.attempts, pod.connections.count]).toEqual([false, 2, 2]);
  streams[0]!.cancel(8);
  await clock.advance(1);
  expect(pod.hasRoom).toBe(true);
});

test('a Pod that refuses is tried again with backoff, and at once after a good connection', async () => {
  const { clock, podIn, there } = open();
  there.refuse();
  const { pod, states } = podIn();
  pod.connect();
  await clock.advance(1);
  expect([pod.state, pod.failing, pod.lastError]).toEqual([
    'backoff',
    true,
    `connect ECONNREFUSED ${ADDRESS}`,
  ]);
  there.accept();
  await clock.advance(100);
  expect([pod.state, pod.failing]).toEqual(['ready', false]);
  await clock.advance(2_000);
  there.close();
  await clock.advance(1);
  expect([pod.state, states.slice(-2)]).toEqual(['ready', ['connecting', 'ready']]);
});
