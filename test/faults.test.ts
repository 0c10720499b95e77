import { createServer, type Server } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import type { ChannelOptions, PodwireChannel } from 'podwire';
import { afterEach, describe, expect, test } from 'vitest';
import { frame, settings, TYPE, uint32 } from './http2/frames.mjs';
import { openChannel } from './support/channel.ts';
import { startLoad } from './support/load.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

let silent: Server | undefined;

const start = (count: number) => Promise.all(Array.from({ length: count }, () => openOrdersServer()));

function open(addresses: readonly string[], options: ChannelOptions = {}): PodwireChannel {
  return openChannel(`static:///${addresses.join(',')}`, {
    backoff: { initialMs: 20, maxMs: 100 },
    ...options,
  });
}
afterEach(() => {
  silent?.close();
});

describe('faults', () => {
  test('a Pod that shuts down gracefully loses no call', async () => {
    const [a, b] = await start(2);
    const channel = open([a!.address, b!.address], { policy: 'round_robin' });
    await channel.ready();
    const load = startLoad(ordersClient(channel), 20);
    await until(() => load.done > 200);
    await new Promise<void>((resolve) => a!.server.tryShutdown(() => resolve()));
    const before = load.done;
    await until(() => load.done > before + 200);
    expect(await load.stop()).toEqual([]);
  });

  test('a Pod that sends every new connection away is tried ever less often', async () => {
    const goaway = frame(TYPE.GOAWAY, 0, 0, uint32(0, 0));
    const connectedMs: number[] = [];
    silent = createServer((socket) => {
      connectedMs.push(performance.now());
      socket.on('error', () => {}).resume();
      socket.end(Buffer.concat([settings(), goaway]));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent!.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const channel = open([`127.0.0.1:${port}`], { backoff: { initialMs: 100, maxMs: 1_000 } });
    const calls = Promise.allSettled([get(ordersClient(channel)), get(ordersClient(channel))]);
    await until(() => connectedMs.length >= 5);
    // The first to end so young is replaced at once, the others after 100, 160 and 256 ms, each with 20 % of jitter.
    expect(connectedMs[4]! - connectedMs[0]!).toBeGreaterThan(0.75 * (100 + 160 + 256));
    expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test.each(['http2', 'node-http2'] as const)('the code of a GOAWAY is named over %s', async (transport) => {
    const ENHANCE_YOUR_CALM = 11;
    silent = createServer((socket) => {
      socket.on('error', () => {}).resume();
      socket.end(Buffer.concat([settings(), frame(TYPE.GOAWAY, 0, 0, uint32(0, ENHANCE_YOUR_CALM))]));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent!.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const channel = open([`127.0.0.1:${port}`], { transport });
    const said = () => channel.snapshot().pods[0]?.lastError;
    await expect.poll(said).toBe('the Pod sent GOAWAY with ENHANCE_YOUR_CALM');
  });

  test('a Pod that accepts TCP and never speaks is given up, and no call is lost to it', async () => {
    silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent!.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const [a] = await start(1);
    const channel = open([`127.0.0.1:${port}`, a!.address], { policy: 'round_robin', connectTimeoutMs: 200 });
    const replies = await Promise.all(Array.from({ length: 20 }, () => get(ordersClient(channel))));
    expect(new Set(replies.map(({ pod }) => pod))).toEqual(new Set([a!.address]));
    await until(() => channel.snapshot().pods[0]!.lastError?.includes('SETTINGS was not answered') === true);
  });

  test('MAX_CONCURRENT_STREAMS is kept to, and calls wait for room instead of failing', async () => {
    const server = await openOrdersServer({ options: { 'grpc.max_concurrent_streams': 3 } });
    let running = 0;
    let most = 0;
    server.onGet = (call, callback) => {
      running += 1;
      most = Math.max(most, running);
      setImmediate(() => {
        running -= 1;
        callback(null, call.request);
      });
    };
    const channel = open([server.address], { maxConnectionsPerPod: 1 });
    await Promise.all(Array.from({ length: 50 }, () => get(ordersClient(channel))));
    expect(most).toBeLessThanOrEqual(3);
    expect(channel.snapshot().pods[0]).toMatchObject({ maxConcurrentStreams: 3, connections: 1, calls: 50 });
  });

  test('the first calls are spread over the Pods, not sent to the first that is ready', async () => {
    const started = await start(5);
    const channel = open(
      started.map(({ address }) => address),
      { policy: 'round_robin' },
    );
    await Promise.all(Array.from({ length: 500 }, () => get(ordersClient(channel))));
    for (const { calls } of started) expect(calls).toBe(100);
  });

  test('switching modes 20 times under load loses no call', async () => {
    const [a, b, mesh] = await start(3);
    const channel = open([a!.address, b!.address], { mesh: { address: mesh!.address } });
    await channel.ready();
    const load = startLoad(ordersClient(channel), 20);
    for (let i = 0; i < 20; i++) {
      const before = load.done;
      await channel.setMode(i % 2 === 0 ? 'mesh' : 'direct');
      await until(() => load.done > before + 50);
    }
    expect(await load.stop()).toEqual([]);
    expect(mesh!.calls).toBeGreaterThan(100);
    expect(a!.calls + b!.calls).toBeGreaterThan(100);
  });

  test('a mode whose side does not connect is not taken', async () => {
    const [a] = await start(1);
    const channel = open([a!.address], { mesh: { address: '127.0.0.1:1' } });
    await channel.ready();
    const switched = channel.setMode('mesh');
    expect(channel.snapshot()).toMatchObject({ mode: 'direct', switchingTo: 'mesh' });
    await get(ordersClient(channel));
    await channel.setMode('direct');
    await expect(switched).rejects.toThrow('direct was asked for before it was done');
    await get(ordersClient(channel));
    expect(a!.calls).toBe(2);
  });

  test('waiting calls are bounded in number and in time', async () => {
    silent = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent!.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const channel = open([`127.0.0.1:${port}`], { waiting: { maxCalls: 2, timeoutMs: 100 }, name: 'orders' });
    const outcomes = await Promise.allSettled(Array.from({ length: 3 }, () => get(ordersClient(channel))));
    const reasons = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.reason : 'ok'));
    expect(reasons.sort()).toEqual(['WAIT_QUEUE_FULL', 'WAIT_TIMEOUT', 'WAIT_TIMEOUT']);
    await expect(channel.ready({ timeoutMs: 50 })).rejects.toMatchObject({
      reason: 'NO_CONNECTION',
      message: expect.stringContaining(
        `waited for a connection to a Pod of orders (127.0.0.1:${port}: connecting)`,
      ),
    });
  });

  test('close lets calls finish, refuses new ones, and ends what is left', async () => {
    const [a] = await start(1);
    const channel = open([a!.address]);
    const client = ordersClient(channel);
    const held: grpc.sendUnaryData<unknown>[] = [];
    a!.onGet = (_call, callback) => void held.push(callback as grpc.sendUnaryData<unknown>);
    const finishing = get(client);
    await until(() => held.length === 1);
    const closed = channel.close({ graceMs: 5_000 });
    expect(() => client.get({}, () => {})).toThrow('Channel has been shut down');
    held[0]!(null, { id: 'done' });
    await expect(finishing).resolves.toMatchObject({ id: 'done' });
    await closed;
    const second = open([a!.address]);
    const lost = get(ordersClient(second));
    await until(() => held.length === 2);
    await second.close({ graceMs: 0 });
    await expect(lost).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
  });
});
