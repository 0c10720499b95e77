import { Block, createPolicy, type Policy } from '@podwire/balancer';
import type { Timer } from '@podwire/core';
import type { Connection, ConnectionListener, Transport } from '@podwire/http2';
import { type Endpoint, toEndpoint } from '@podwire/registry';
import { settle, VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import type { ConnectGate, Waiting } from '../pod/connect-gate.ts';
import { ConnectionPool } from '../pod/connection-pool.ts';
import { PingTime } from '../pod/ping-time.ts';
import { Cluster } from './cluster.ts';

/** Whose turn it is does not matter here: all Pods begin at once. */
const GATE = {
  enter: (waiting: Waiting) => waiting.begin(),
  leave() {},
  refund() {},
  close() {},
} as unknown as ConnectGate;

/** Connections that are ready when the test says so. */
function open(count: number, name = 'round_robin', clock = new VirtualClock(), refreshMs = 0) {
  const env = { clock, random: () => 0.5, afterPoll: setImmediate };
  const listeners: ConnectionListener[] = [];
  let builds = 0;
  const real = createPolicy(name);
  const policy: Policy = {
    ...real,
    refreshMs,
    build: (input) => {
      builds += 1;
      return real.build(input);
    },
  };
  const transport = {
    name: 'double',
    connect(_options: unknown, listener: ConnectionListener) {
      listeners.push(listener);
      const connection = { state: 'ready', hasRoom: true, maxConcurrentStreams: 100, drain() {} };
      return { ...connection, destroy: () => listener.onClosed(undefined) } as unknown as Connection;
    },
  } as unknown as Transport;
  const cluster = new Cluster({
    name: 'direct',
    env,
    policy,
    authority: 'orders',
    commonHeaders: [],
    drainMs: 1_000,
    panicThreshold: 50,
    maxCallsPerPod: 0,
    pool: new ConnectionPool({
      env,
      transport,
      gate: GATE,
      pings: new PingTime('orders', 10_000),
      backoff: { initialMs: 100, maxMs: 1_000, downMs: 1_000 },
      maxConnectionsPerPod: 1,
      connectionOptions: () => ({}) as never,
    }),
    onChange() {},
    onPod() {},
    onReport() {},
  });
  cluster.update(endpoints(0, count));
  return { clock, listeners, cluster, builds: () => builds };
}

function endpoints(from: number, to: number): Endpoint[] {
  return Array.from({ length: to - from }, (_, i) =>
    toEndpoint({ address: `10.0.${(from + i) >> 8}.${(from + i) & 255}:50051` }),
  );
}

const picked = (cluster: Cluster, calls: number) =>
  new Set(Array.from({ length: calls }, () => cluster.pick({ hash: 0, excluded: undefined })?.id));

test('ten Pods that connect one after another get calls at once, each', async () => {
  const { clock, listeners, cluster } = open(10);
  listeners[0]!.onReady();
  await clock.advance(100);
  for (let ready = 2; ready <= 10; ready++) {
    listeners[ready - 1]!.onReady();
    await settle();
    expect(picked(cluster, 100).size).toBe(ready);
  }
  cluster.close('done');
});

test('two thousand Pods that connect one after another are few rebuilds', async () => {
  const { clock, listeners, cluster, builds } = open(2_000);
  for (const listener of listeners) {
    listener.onReady();
    await clock.advance(1);
  }
  await clock.advance(100);
  // Two seconds, and a rest of 20 ms after each.
  expect(builds()).toBeLessThanOrEqual(110);
  expect(picked(cluster, 4_000).size).toBe(2_000);
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('a Pod that left gets no call, though the picker of a large set is rebuilt later', async () => {
  const { clock, listeners, cluster } = open(1_000);
  for (const listener of listeners) listener.onReady();
  await clock.advance(100);
  expect(picked(cluster, 2_000).size).toBe(1_000);
  cluster.update(endpoints(100, 1_000));
  const left = [...picked(cluster, 2_000)];
  expect(left).toHaveLength(900);
  expect(left).not.toContain('10.0.0.1:50051');
  cluster.update(endpoints(0, 1_000));
  await clock.advance(100);
  expect([cluster.pods.size, cluster.all.length]).toEqual([1_000, 1_000]);
  cluster.close('done');
});

test('a blocked Pod gets no call until every reason is taken back, and calls that name it go on', async () => {
  const { clock, listeners, cluster } = open(3);
  for (const listener of listeners) listener.onReady();
  await clock.advance(100);
  const pod = cluster.pods.get('10.0.0.1:50051')!;
  pod.block(Block.EJECTED);
  pod.block(Block.UNHEALTHY);
  expect(picked(cluster, 100)).toEqual(new Set(['10.0.0.0:50051', '10.0.0.2:50051']));
  expect(cluster.pickNamed(pod.id)).toBe(pod);
  pod.unblock(Block.EJECTED);
  expect(picked(cluster, 100).size).toBe(2);
  pod.unblock(Block.UNHEALTHY);
  expect(picked(cluster, 100).size).toBe(3);
  cluster.close('done');
});

test('monitors multiply the weight, each by a factor of its own, and the registry changes it beneath them', async () => {
  const { clock, listeners, cluster } = open(2, 'weighted_round_robin');
  for (const listener of listeners) listener.onReady();
  await clock.advance(100);
  const pod = cluster.pods.get('10.0.0.1:50051')!;
  const [slowStart, reports] = [{}, {}];
  pod.weigh(slowStart, 0.5);
  pod.weigh(reports, 0);
  await clock.advance(100);
  expect(picked(cluster, 100)).toEqual(new Set(['10.0.0.0:50051']));
  pod.weigh(reports, 1);
  cluster.update([...endpoints(0, 1), toEndpoint({ address: pod.id, weight: 4 })]);
  expect(pod.weight).toBe(2);
  await clock.advance(100);
  const picks = Array.from({ length: 300 }, () => cluster.pick({ hash: 0, excluded: undefined }));
  expect(picks.filter((one) => one === pod)).toHaveLength(200);
  cluster.close('done');
});

test('a policy whose weights change by themselves is asked for a picker again and again, until the cluster closes', async () => {
  const { clock, listeners, cluster, builds } = open(2, 'round_robin', new VirtualClock(), 1_000);
  for (const listener of listeners) listener.onReady();
  await clock.advance(100);
  const before = builds();
  await clock.advance(10_000);
  expect(builds() - before).toBe(10);
  cluster.close('done');
  await clock.advance(10_000);
  expect(builds() - before).toBe(10);
  expect(clock.pending).toBe(0);
});

/** Each look at this clock shows that a millisecond passed: work takes time. */
class SlowClock extends VirtualClock {
  /** Called between two turns of one piece of work. */
  between: () => void = () => {};
  #workMs = 0;

  override nowMs(): number {
    this.#workMs += 1;
    return super.nowMs() + this.#workMs;
  }

  override after(delayMs: number, fn: () => void): Timer {
    if (delayMs > 0) return super.after(delayMs, fn);
    return super.after(0, () => {
      this.between();
      fn();
    });
  }
}

test.each(['ring_hash', 'maglev'])(
  '%s is built in many turns, and the old picker serves meanwhile without Pods that left',
  async (name) => {
    const clock = new SlowClock();
    const { listeners, cluster, builds } = open(2_000, name, clock);
    for (const listener of listeners) listener.onReady();
    await clock.advance(1_000);
    const gone = new Set(endpoints(0, 20).map(({ id }) => id));
    const before = builds();
    let turns = 0;
    clock.between = () => {
      turns += 1;
      for (let i = 0; i < 500; i++) {
        const id = cluster.pick({ hash: i * 8_000_003, excluded: undefined })!.id;
        expect(gone.has(id)).toBe(false);
      }
    };
    // What a registry says in two words is one new picker.
    cluster.update(endpoints(20, 2_000));
    cluster.update(endpoints(20, 2_020));
    for (const listener of listeners.slice(2_000)) listener.onReady();
    await clock.advance(1_000);
    expect(turns).toBeGreaterThan(5);
    expect(builds() - before).toBe(1);
    const ids = new Set<string>();
    for (let i = 0; i < 100_000; i++) ids.add(cluster.pick({ hash: i * 40_009, excluded: undefined })!.id);
    for (const { id } of endpoints(2_000, 2_020)) expect(ids).toContain(id);
    cluster.close('done');
    expect(clock.pending).toBe(0);
  },
);

test('a new Pod of a large set gets calls soon, and those that cannot be reached cost no rebuild', async () => {
  const { clock, listeners, cluster, builds } = open(1_000);
  const refused = { kind: 'refused', code: 'ENETUNREACH', detail: 'connect ENETUNREACH' } as const;
  listeners[0]!.onReady();
  for (const listener of listeners.slice(1)) listener.onClosed(refused);
  await clock.advance(500);
  expect(cluster.warm).toBe(true);
  const before = builds();
  for (let ms = 0; ms < 1_000; ms += 100) {
    for (const listener of listeners.splice(1)) listener.onClosed(refused);
    await clock.advance(100);
  }
  expect(builds()).toBe(before);
  cluster.update(endpoints(0, 1_001));
  await clock.advance(2);
  listeners.at(-1)!.onReady();
  await clock.advance(3);
  expect(picked(cluster, 10).size).toBe(2);
  expect(builds()).toBe(before + 1);
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('of two thousand Pods only those that changed are looked up', async () => {
  const { cluster } = open(2_000);
  const { pods } = cluster;
  let lookUps = 0;
  const get = pods.get.bind(pods);
  pods.get = (id) => {
    lookUps += 1;
    return get(id);
  };
  const known = [...pods.values()].map(({ endpoint }) => endpoint);
  const drained = known[1_000]!;
  const changed = toEndpoint({ ...drained, phase: 'draining' });
  const wanted = [
    ...known.slice(20, 1_000),
    changed,
    ...known.slice(1_001, 1_500),
    ...known.slice(1_520),
    ...endpoints(2_000, 2_040),
  ];
  cluster.update(wanted);
  expect(cluster.all.filter(({ state }) => state !== 'closed').map(({ endpoint }) => endpoint)).toEqual(
    wanted,
  );
  expect(pods.size).toBe(wanted.length);
  // One for each new Pod and each that changed, and one after each gap.
  expect(lookUps).toBeLessThanOrEqual(40 + 1 + 2);
  // The other way round everything is looked up, and nothing is lost.
  cluster.update(wanted.toReversed());
  expect(cluster.all.filter(({ state }) => state !== 'closed').map(({ endpoint }) => endpoint)).toEqual(
    wanted.toReversed(),
  );
  cluster.close('done');
});
