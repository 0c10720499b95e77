import { createPolicy } from '@podwire/balancer';
import { VirtualClock } from '@podwire/core/testing';
import { FakeTransport } from '@podwire/http2/testing';
import { toEndpoint } from '@podwire/registry';
import { expect, test } from 'vitest';
import { ConnectGate } from '../pod/connect-gate.ts';
import { ConnectionPool } from '../pod/connection-pool.ts';
import { PingTime } from '../pod/ping-time.ts';
import type { ClientPod } from '../pod/pod.ts';
import { Cluster } from './cluster.ts';

const PODS = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'] as const;
const ALL = { policy: createPolicy('round_robin'), drainMs: 1_000, panicThreshold: 50, maxCallsPerPod: 0 };
const FIRST = {
  policy: createPolicy({ pick_first: { shuffleAddressList: false } }),
  drainMs: 1_000,
  panicThreshold: 50,
  maxCallsPerPod: 0,
};
const HEAD = { method: { path: '/a/b', authority: 'a', headers: [] }, headers: [], maxReceiveBytes: -1 };

/** A cluster whose Pods are ready. */
async function open() {
  const clock = new VirtualClock();
  const env = { clock, random: () => 0.5, afterPoll: (fn: () => void) => void clock.after(0, fn) };
  const transport = new FakeTransport(clock);
  const cluster = new Cluster({
    ...{
      name: 'direct',
      env,
      ...ALL,
      authority: 'orders',
      commonHeaders: [],
      onChange() {},
      onPod() {},
      onReport() {},
    },
    pool: new ConnectionPool({
      env,
      transport,
      gate: new ConnectGate(clock, 32, 100),
      pings: new PingTime('orders', 10_000),
      backoff: { initialMs: 100, maxMs: 10_000, downMs: 1_000 },
      maxConnectionsPerPod: 1,
      connectionOptions: ({ host, port }) => ({ host, port, connectTimeoutMs: 60_000 }) as never,
    }),
  });
  cluster.update(PODS.map((address) => toEndpoint({ address })));
  await clock.advance(200);
  const ends: string[] = [];
  return {
    ...{ clock, cluster, ends, pod: (address: string) => transport.pod(address) },
    attempts: () => PODS.map((address) => transport.pod(address).attempts),
    connections: () => PODS.map((address) => transport.pod(address).connections.size),
    picked: () =>
      new Set(Array.from({ length: 30 }, () => cluster.pick({ hash: 0, excluded: undefined })?.id)),
    /** A call on this Pod; `end` ends it. */
    call(pod: ClientPod) {
      pod.load.start();
      const onEnd = ({ kind }: { kind: string }) => {
        ends.push(`${pod.id} ${kind}`);
        pod.load.end(clock.nowMs(), 1, 'ok');
      };
      pod.connections.open(HEAD, { onHeaders() {}, onMessage() {}, onEnd });
    },
    /** A call that waits for any Pod, and for nothing else. */
    wait() {
      const waiter = { isSteered: false, got: undefined as string | undefined, retry: () => false };
      waiter.retry = () => {
        waiter.got = cluster.pick({ hash: 0, excluded: undefined })?.id;
        return waiter.got !== undefined;
      };
      cluster.queue.add(waiter);
      return waiter;
    },
  };
}

test('from all Pods to one and back, Pods, their load and their open calls stay', async () => {
  const { clock, cluster, ends, pod, attempts, connections, picked, call } = await open();
  const before = [...cluster.pods.values()];
  for (const one of before) call(one);
  cluster.configure(FIRST);
  await clock.advance(100);
  expect([...cluster.pods.values()]).toEqual(before);
  const [first] = picked();
  expect([picked().size, cluster.total.inFlight, ends]).toEqual([1, 3, []]);
  // Pods that are not used rest, and their connections stay for as long as their calls do.
  expect(before.filter(({ state }) => state === 'ready').map(({ id }) => id)).toEqual([first]);
  expect([connections(), attempts()]).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ]);
  cluster.configure(ALL);
  await clock.advance(200);
  expect([...cluster.pods.values()].every((one, i) => one === before[i])).toBe(true);
  expect(picked()).toEqual(new Set(PODS));
  // The Pod that was in use all along has its first connection still.
  expect(attempts()).toEqual(PODS.map((address) => (address === first ? 1 : 2)));
  for (const address of PODS) for (const one of pod(address).calls) one.end(0);
  await clock.advance(10);
  expect(ends.toSorted()).toEqual(PODS.map((address) => `${address} trailers`));
  expect([cluster.total.inFlight, connections()]).toEqual([0, [1, 1, 1]]);
  cluster.close('done');
  await clock.advance(1);
  expect(clock.pending).toBe(0);
});

test('a call that waits while the policy changes, and changes back, is not lost', async () => {
  const { clock, cluster, pod, wait } = await open();
  for (const address of PODS) pod(address).limit(0);
  await clock.advance(10);
  const waiters = [wait(), wait()];
  for (const settings of [FIRST, ALL, FIRST, ALL]) {
    cluster.configure(settings);
    await clock.advance(200);
    expect([cluster.queue.size, waiters.map(({ got }) => got)]).toEqual([2, [undefined, undefined]]);
  }
  pod(PODS[1]).limit(10);
  await clock.advance(200);
  expect(waiters.map(({ got }) => got)).toEqual([PODS[1], PODS[1]]);
  expect(cluster.queue.size).toBe(0);
  cluster.close('done');
  await clock.advance(1);
  expect(clock.pending).toBe(0);
});

test('a Pod stays blocked, and keeps its weight, under another policy', async () => {
  const { clock, cluster, picked } = await open();
  const one = cluster.pods.get(PODS[1])!;
  const monitor = {};
  one.block(1);
  one.weigh(monitor, 0.5);
  cluster.configure(FIRST);
  await clock.advance(200);
  cluster.configure({ ...ALL, drainMs: 10 });
  await clock.advance(200);
  expect([picked(), one.weight, one.blocked]).toEqual([new Set([PODS[0], PODS[2]]), 0.5, 1]);
  one.unblock(1);
  expect(picked().size).toBe(3);
  // The new drain time holds as well.
  one.load.start();
  one.connections.open(HEAD, { onHeaders() {}, onMessage() {}, onEnd() {} });
  cluster.update([toEndpoint({ address: PODS[0] })]);
  expect(one.state).toBe('draining');
  await clock.advance(11);
  expect(one.state).toBe('closed');
  cluster.close('done');
});
