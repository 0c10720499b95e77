import { createPolicy, zoneAware } from '@podwire/balancer';
import type { Connection, ConnectionListener, Transport } from '@podwire/http2';
import { type Endpoint, type EndpointInput, toEndpoint } from '@podwire/registry';
import { settle, VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { ConnectGate } from '../pod/connect-gate.ts';
import { ConnectionPool } from '../pod/connection-pool.ts';
import { PingTime } from '../pod/ping-time.ts';
import { Cluster } from './cluster.ts';

/** Pods 10.0.0.0:1, 10.0.0.1:1, …, whose connections come to be when the test says so. */
function open(policy: object | string = { pick_first: { shuffleAddressList: false } }, zone?: string) {
  const clock = new VirtualClock();
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  /** In the order in which they were dialled. */
  const dialled: string[] = [];
  const listeners = new Map<string, ConnectionListener>();
  const open = new Set<string>();
  const transport = {
    name: 'double',
    connect({ host }: { host: string }, listener: ConnectionListener) {
      dialled.push(host);
      listeners.set(host, listener);
      open.add(host);
      const end = () => {
        if (open.delete(host)) queueMicrotask(() => listener.onClosed(undefined));
      };
      const connection = {
        state: 'ready',
        hasRoom: true,
        maxConcurrentStreams: 100,
        drain: end,
        destroy: end,
      };
      return connection as unknown as Connection;
    },
  } as unknown as Transport;
  const env = { clock, random, afterPoll: setImmediate };
  const made = createPolicy(policy);
  const cluster = new Cluster({
    name: 'direct',
    env,
    policy: zone === undefined ? made : zoneAware(made),
    zone: () => zone,
    authority: 'orders',
    commonHeaders: [],
    drainMs: 1_000,
    panicThreshold: 50,
    maxCallsPerPod: 0,
    pool: new ConnectionPool({
      env,
      transport,
      gate: new ConnectGate(clock, 32, 100),
      pings: new PingTime('orders', 10_000),
      backoff: { initialMs: 100, maxMs: 10_000, downMs: 1_000 },
      maxConnectionsPerPod: 1,
      connectionOptions: ({ host }) => ({ host }) as never,
    }),
    onChange() {},
    onPod() {},
    onReport() {},
  });
  return {
    clock,
    cluster,
    dialled,
    open,
    connected: async (host: string) => {
      listeners.get(host)!.onReady();
      await settle();
    },
    /** Refused, or closed by the Pod. */
    gone: async (host: string) => {
      open.delete(host);
      listeners.get(host)!.onClosed({ kind: 'refused', code: 'ECONNREFUSED', detail: 'ECONNREFUSED' });
      await settle();
    },
    picked: (excluded?: string[]) => {
      const pods = excluded && new Set(excluded.map((id) => cluster.pods.get(`${id}:1`)!));
      return (
        pods === undefined
          ? cluster.pick({ hash: 0, excluded: undefined })
          : cluster.pickOther({ hash: 0, excluded: pods })
      )?.endpoint.host;
    },
    states: () => Object.fromEntries(cluster.all.map((pod) => [pod.endpoint.host, pod.state])),
    async update(...inputs: EndpointInput[]) {
      cluster.update(inputs.map(describe));
      await settle();
    },
  };
}

const describe = (input: EndpointInput): Endpoint => toEndpoint({ port: 1, ...input });
const hosts = (count: number) => Array.from({ length: count }, (_, i) => ({ host: `10.0.0.${i}` }));

test('one Pod after another is tried, at once after a failure and beside one that is silent for 250 ms', async () => {
  const { clock, cluster, dialled, gone, connected, open: connections, picked, states, update } = open();
  await update(...hosts(5));
  expect(dialled).toEqual(['10.0.0.0']);
  await gone('10.0.0.0');
  expect(dialled).toEqual(['10.0.0.0', '10.0.0.1']);
  await clock.advance(99);
  // The first is tried again by itself.
  await clock.advance(150);
  expect(dialled).not.toContain('10.0.0.2');
  await clock.advance(2);
  expect(dialled).toContain('10.0.0.2');
  await connected('10.0.0.2');
  expect(picked()).toBe('10.0.0.2');
  await settle();
  expect([...connections]).toEqual(['10.0.0.2']);
  expect(states()).toEqual({
    '10.0.0.0': 'idle',
    '10.0.0.1': 'idle',
    '10.0.0.2': 'ready',
    '10.0.0.3': 'idle',
    '10.0.0.4': 'idle',
  });
  const before = dialled.length;
  await clock.advance(60_000);
  expect(dialled).toHaveLength(before);
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('the list is shuffled before the first Pod is dialled', async () => {
  const firsts = new Set<string>();
  const first = open('pick_first');
  await first.update(...hosts(4));
  for (let i = 0; i < 40; i++) {
    firsts.add(first.dialled.at(-1)!);
    await first.update();
    await first.update(...hosts(4));
  }
  expect([...firsts].sort()).toEqual(hosts(4).map(({ host }) => host));
});

test.each([
  ['drains', { phase: 'draining' }],
  ['has weight 0', { weight: 0 }],
] as const)('a Pod that %s is not dialled, and left when it is the one in use', async (_name, change) => {
  const { cluster, clock, dialled, connected, picked, states, update } = open();
  const [a, b, c] = hosts(3) as [EndpointInput, EndpointInput, EndpointInput];
  await update({ ...a, ...change }, b, c);
  expect(dialled).toEqual(['10.0.0.1']);
  await connected('10.0.0.1');
  await update({ ...a, ...change }, { ...b, ...change }, c);
  expect(dialled).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(picked()).toBeUndefined();
  await connected('10.0.0.2');
  expect(picked()).toBe('10.0.0.2');
  expect(states()).toEqual({ '10.0.0.0': 'idle', '10.0.0.1': 'idle', '10.0.0.2': 'ready' });
  // It stays, though the others serve again.
  await update(a, b, c);
  expect([picked(), dialled.length]).toEqual(['10.0.0.2', 2]);
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('where no Pod can serve, calls wait for one that can', async () => {
  const { cluster, dialled, connected, gone, picked, update } = open();
  const [a, b] = hosts(2) as [EndpointInput, EndpointInput];
  await update({ ...a, phase: 'draining' }, { ...b, weight: 0 });
  expect([cluster.state, dialled]).toEqual(['connecting', []]);
  await update({ ...a, phase: 'draining' }, b);
  await gone('10.0.0.1');
  expect(cluster.state).toBe('failing');
  await update(a, b);
  expect(cluster.state).toBe('connecting');
  await connected('10.0.0.0');
  expect(picked()).toBe('10.0.0.0');
  cluster.close('done');
});

test('a Pod whose connection was closed is dialled again first, and others once it fails or is silent', async () => {
  const { clock, cluster, dialled, connected, gone, picked, update } = open();
  await update(...hosts(3));
  await connected('10.0.0.0');
  await clock.advance(5_000);
  await gone('10.0.0.0');
  expect(dialled).toEqual(['10.0.0.0', '10.0.0.0']);
  await connected('10.0.0.0');
  expect([picked(), dialled.length]).toEqual(['10.0.0.0', 2]);
  await clock.advance(5_000);
  await gone('10.0.0.0');
  await clock.advance(250);
  expect(dialled.slice(2)).toEqual(['10.0.0.0', '10.0.0.1']);
  await gone('10.0.0.0');
  expect(dialled.slice(2)).toEqual(['10.0.0.0', '10.0.0.1', '10.0.0.2']);
  await connected('10.0.0.2');
  expect(picked()).toBe('10.0.0.2');
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('Pods that accept and close at once are not dialled without a pause', async () => {
  const { clock, cluster, dialled, connected, gone, update } = open();
  await update(...hosts(2));
  for (let i = 0; i < 200; i++) {
    for (const { host } of hosts(2)) {
      const pod = cluster.pods.get(`${host}:1`)!;
      if (pod.state !== 'connecting') continue;
      await connected(host);
      await gone(host);
    }
    await clock.advance(10);
  }
  // Two seconds: two attempts each at once, and then at 0.1, 0.26, 0.52, 0.9, … s of backoff.
  expect(dialled.length).toBeLessThan(30);
  cluster.close('done');
});

test('Pods of the own zone are tried before all others, of both families in turn', async () => {
  const { clock, dialled, update } = open(undefined, 'a');
  await update(
    { host: '10.0.0.1', zone: 'b' },
    { host: '10.0.0.2', zone: 'a' },
    { host: '10.0.0.3', zone: 'a' },
    { host: 'fd00::4', zone: 'a' },
    { host: 'fd00::5', zone: 'b' },
  );
  await clock.advance(1_500);
  expect(dialled).toEqual(['10.0.0.2', 'fd00::4', '10.0.0.3', '10.0.0.1', 'fd00::5']);
});

test('a Pod that a call names is connected to beside the one in use, and let go when no call names it any more', async () => {
  const { clock, cluster, dialled, connected, picked, states, update } = open();
  await update(...hosts(3));
  await connected('10.0.0.0');
  expect(cluster.pickNamed('10.0.0.2:1')).toBeUndefined();
  await settle();
  expect(dialled).toEqual(['10.0.0.0', '10.0.0.2']);
  await connected('10.0.0.2');
  expect(cluster.pickNamed('10.0.0.2:1')?.endpoint.host).toBe('10.0.0.2');
  for (let i = 0; i < 20; i++) expect(picked()).toBe('10.0.0.0');
  await clock.advance(50_000);
  expect(cluster.pickNamed('10.0.0.2:1')?.endpoint.host).toBe('10.0.0.2');
  await clock.advance(60_000);
  expect(states()).toMatchObject({ '10.0.0.0': 'ready', '10.0.0.2': 'ready' });
  await clock.advance(20_000);
  expect(states()).toMatchObject({ '10.0.0.0': 'ready', '10.0.0.2': 'idle' });
  expect(clock.pending).toBe(0);
  cluster.close('done');
});

test('a call that excludes the Pod in use goes to another, and to that one only when no other answers', async () => {
  const { clock, cluster, dialled, connected, gone, picked, update } = open();
  await update(...hosts(3));
  await connected('10.0.0.0');
  expect(picked(['10.0.0.0'])).toBeUndefined();
  await settle();
  expect(dialled).toEqual(['10.0.0.0', '10.0.0.1']);
  await gone('10.0.0.1');
  expect(picked(['10.0.0.0'])).toBeUndefined();
  await settle();
  expect(dialled).toEqual(['10.0.0.0', '10.0.0.1', '10.0.0.2']);
  await connected('10.0.0.2');
  expect(picked(['10.0.0.0'])).toBe('10.0.0.2');
  expect(picked()).toBe('10.0.0.0');
  expect(picked(['10.0.0.0', '10.0.0.2'])).toBe('10.0.0.0');
  // The Pod that is connected already takes over.
  await update({ ...hosts(1)[0], phase: 'draining' }, ...hosts(3).slice(1));
  expect(picked()).toBe('10.0.0.2');
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('of ten thousand Pods one is connected to, and all are tried while none can be', async () => {
  const { clock, cluster, dialled, connected, gone, update } = open();
  const many = Array.from({ length: 10_000 }, (_, i) => ({ host: `10.1.${i >> 8}.${i & 255}` }));
  await update(...many);
  await clock.advance(100);
  expect(dialled).toHaveLength(1);
  while (dialled.length < 600) await gone(dialled.at(-1)!);
  await connected(dialled.at(-1)!);
  await clock.advance(20);
  const states = cluster.all.filter(({ state }) => state !== 'idle');
  expect(states.map(({ state }) => state)).toEqual(['ready']);
  cluster.close('done');
  expect(clock.pending).toBe(0);
});

test('a Pod that leaves, and is back before its calls have ended, is used again when its turn comes', async () => {
  const { clock, cluster, connected, gone, picked, states } = open();
  const both = ['10.0.0.0', '10.0.0.1'].map((host) => toEndpoint({ host, port: 1 }));
  cluster.update(both);
  await settle();
  await connected('10.0.0.0');
  expect(picked()).toBe('10.0.0.0');
  cluster.update(both.slice(1));
  cluster.update(both);
  await settle();
  await connected('10.0.0.1');
  expect(picked()).toBe('10.0.0.1');
  await clock.advance(5_000);
  expect(states()).toEqual({ '10.0.0.0': 'idle', '10.0.0.1': 'ready' });
  await gone('10.0.0.1');
  await clock.advance(251);
  await connected('10.0.0.0');
  expect(picked()).toBe('10.0.0.0');
  cluster.close('done');
  expect(clock.pending).toBe(0);
});
