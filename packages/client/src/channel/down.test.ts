import { createPolicy } from '@podwire/balancer';
import type { Connection, ConnectionListener, Transport } from '@podwire/http2';
import { toEndpoint } from '@podwire/registry';
import { settle, VirtualClock } from '@podwire/registry/testing';
import { describe, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { ConnectGate } from '../pod/connect-gate.ts';
import { ConnectionPool } from '../pod/connection-pool.ts';
import { PingTime } from '../pod/ping-time.ts';

const JITTER = 1.2;

/** Pods that refuse while they are `down`, and are ready at once otherwise. */
async function open(
  count: number,
  backoff = { initialMs: 100, maxMs: 10_000, downMs: 1_000 },
  policy = 'round_robin',
  perSecond = 100,
) {
  const clock = new VirtualClock();
  const down = new Set<string>();
  const dialledMs = new Map<string, number[]>();
  const listeners = new Map<string, ConnectionListener>();
  const transport = {
    name: 'double',
    connect({ host }: { host: string }, listener: ConnectionListener) {
      dialledMs.set(host, [...(dialledMs.get(host) ?? []), clock.nowMs()]);
      listeners.set(host, listener);
      queueMicrotask(() => {
        if (down.has(host))
          listener.onClosed({ kind: 'refused', code: 'ECONNREFUSED', detail: 'ECONNREFUSED' });
        else listener.onReady();
      });
      const connection = { state: 'ready', hasRoom: true, maxConcurrentStreams: 100, drain() {} };
      return { ...connection, destroy: () => listener.onClosed(undefined) } as unknown as Connection;
    },
  } as unknown as Transport;
  let turn = 0;
  // All of the jitter's range, in turn.
  const random = () => {
    turn += 0.381;
    return turn % 1;
  };
  const env = { clock, random, afterPoll: setImmediate };
  let builds = 0;
  const made = createPolicy(policy);
  const cluster = new Cluster({
    name: 'direct',
    env,
    policy: {
      ...made,
      build: (input) => {
        builds += 1;
        return made.build(input);
      },
    },
    authority: 'orders',
    commonHeaders: [],
    drainMs: 1_000,
    panicThreshold: 50,
    maxCallsPerPod: 0,
    pool: new ConnectionPool({
      env,
      transport,
      gate: new ConnectGate(clock, 32, perSecond),
      pings: new PingTime('orders', 10_000),
      backoff,
      maxConnectionsPerPod: 1,
      connectionOptions: ({ host }) => ({ host }) as never,
    }),
    onChange() {},
    onPod() {},
    onReport() {},
  });
  const hosts = Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  return {
    clock,
    cluster,
    hosts,
    down,
    dialledMs,
    builds: () => builds,
    start: async () => {
      cluster.update(hosts.map((host) => toEndpoint({ host, port: 1 })));
      await settle();
    },
    /** The Pod goes, and refuses from now on. */
    kill: async (host: string) => {
      down.add(host);
      listeners.get(host)!.onClosed({ kind: 'refused', code: 'ECONNRESET', detail: 'ECONNRESET' });
      await settle();
    },
  };
}

describe.each(['round_robin', 'pick_first'])('while no Pod takes calls, with %s', (policy) => {
  test('each is tried about every second, and the first that is back is found within one', async () => {
    const { clock, cluster, hosts, down, dialledMs, start } = await open(4, undefined, policy);
    for (const host of hosts) down.add(host);
    await start();
    await clock.advance(30_000);
    expect(cluster.state).toBe('failing');
    for (const host of hosts) expect(dialledMs.get(host)!.length).toBeGreaterThan(30 / JITTER);
    down.clear();
    await clock.advance(1_000 * JITTER);
    expect(cluster.state).toBe('ready');
    cluster.close('done');
    expect(clock.pending).toBe(0);
  });
});

test('a Pod that waits for long already is hurried when the last other one goes', async () => {
  const { clock, cluster, hosts, down, dialledMs, start, kill } = await open(3);
  down.add(hosts[1]!).add(hosts[2]!);
  await start();
  // Long enough for the longest delay: 10 s.
  await clock.advance(60_000);
  const before = [1, 2].map((i) => dialledMs.get(hosts[i]!)!.length);
  const sinceMs = clock.nowMs();
  await kill(hosts[0]!);
  down.delete(hosts[2]!);
  await clock.advance(1_000 * JITTER);
  for (const i of [1, 2]) {
    expect(dialledMs.get(hosts[i]!)!.length).toBeGreaterThan(before[i - 1]!);
    expect(dialledMs.get(hosts[i]!)!.at(-1)! - sinceMs).toBeLessThanOrEqual(1_000 * JITTER);
  }
  expect(cluster.state).toBe('ready');
  // With one that takes calls, the other's delays are as long as before.
  const tried = dialledMs.get(hosts[1]!)!.length;
  await clock.advance(20_000);
  expect(dialledMs.get(hosts[1]!)!.length - tried).toBeLessThanOrEqual(4);
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('a first delay that the user made longer than a second is kept', async () => {
  const { clock, cluster, hosts, down, dialledMs, start } = await open(1, {
    initialMs: 5_000,
    maxMs: 10_000,
    downMs: 5_000,
  });
  down.add(hosts[0]!);
  await start();
  await clock.advance(30_000);
  expect(dialledMs.get(hosts[0]!)!.length).toBeLessThanOrEqual(8);
  cluster.close('done');
});

test('of many Pods that are down so many a second are tried, and one that is back is found in its turn', async () => {
  const { clock, cluster, hosts, down, dialledMs, start } = await open(150, undefined, 'round_robin', 30);
  for (const host of hosts) down.add(host);
  await start();
  const attempts = () => [...dialledMs.values()].reduce((sum, { length }) => sum + length, 0);
  await clock.advance(5_000);
  expect(cluster.state).toBe('failing');
  const before = attempts();
  await clock.advance(5_000);
  expect(attempts() - before).toBeLessThanOrEqual(151);
  expect(attempts() - before).toBeGreaterThan(145);
  down.delete(hosts[75]!);
  await clock.advance(6_500);
  expect(cluster.state).toBe('ready');
  // All of them: those that succeed are not counted.
  down.clear();
  await clock.advance(10_000 * JITTER);
  expect(cluster.all.filter(({ state }) => state === 'ready')).toHaveLength(150);
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('Pods that fail once more where all of them do cost no new picker', async () => {
  const { clock, cluster, hosts, down, start, builds } = await open(20);
  for (const host of hosts) down.add(host);
  await start();
  await clock.advance(1_000);
  expect(cluster.state).toBe('failing');
  const before = builds();
  await clock.advance(10_000);
  expect(builds()).toBe(before);
  down.delete(hosts[7]!);
  await clock.advance(1_000 * JITTER);
  expect(cluster.state).toBe('ready');
  cluster.close('done');
});
