import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as passed } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { ChannelOptions, PodwireChannel } from 'podwire';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';

const script = fileURLToPath(new URL('support/stalling-provider.mjs', import.meta.url));
const PODS = 4;
/** Short, so that stalls of seconds cost connections. */
const IMPATIENT: ChannelOptions = { connectTimeoutMs: 1_000, keepalive: { timeMs: 500, timeoutMs: 500 } };

let pods: ChildProcess[];
let addresses: string[];
beforeAll(async () => {
  pods = Array.from({ length: PODS }, () => fork(script));
  const ports = await Promise.all(pods.map((pod) => once(pod, 'message')));
  addresses = ports.map(([port]) => `127.0.0.1:${port}`);
  return () => {
    for (const pod of pods) pod.kill('SIGKILL');
  };
});
afterEach(() => {
  for (const pod of pods) pod.kill('SIGCONT');
});

const open = (targets: readonly string[], options?: ChannelOptions) =>
  openChannel(`static:///${targets.join(',')}`, options);

const states = (channel: PodwireChannel) => channel.snapshot().pods.map(({ state }) => state);
const ready = (channel: PodwireChannel) => states(channel).filter((state) => state === 'ready').length;
const same = (bytes: Buffer) => bytes;

/** One call; resolves to its error. */
function call(channel: PodwireChannel, deadlineMs: number): Promise<ServiceError | null> {
  const client = new Client('', credentials.createInsecure(), { channelOverride: channel });
  const deadline = { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    client.makeUnaryRequest('/test.Stalls/Get', same, same, Buffer.alloc(10), deadline, resolve);
  });
}

/** Calls, so many at a time, until it is stopped; a worker whose call failed waits a moment. */
function load(channel: PodwireChannel, inFlight: number, deadlineMs: number) {
  const seen = { begun: 0, done: 0, failed: [] as { nth: number; error: ServiceError }[] };
  let running = true;
  const worker = async () => {
    while (running) {
      const nth = seen.begun++;
      const error = await call(channel, deadlineMs);
      if (error === null) seen.done += 1;
      else {
        seen.failed.push({ nth, error });
        await passed(20);
      }
    }
  };
  const workers = Promise.all(Array.from({ length: inFlight }, worker));
  const stop = async () => {
    running = false;
    await workers;
  };
  return Object.assign(seen, { stop });
}

test('while some Pods are starved calls go to the others, and they are back soon after', async () => {
  const channel = open(addresses, IMPATIENT);
  await expect.poll(() => ready(channel)).toBe(PODS);
  const calls = load(channel, 20, 3_000);
  await expect.poll(() => calls.done).toBeGreaterThan(100);
  for (const pod of pods.slice(0, 2)) pod.kill('SIGSTOP');
  await expect.poll(() => ready(channel), { timeout: 10_000 }).toBe(2);
  const begun = calls.begun;
  const before = calls.done;
  await expect.poll(() => calls.done, { timeout: 10_000 }).toBeGreaterThan(before + 200);
  await expect.poll(() => states(channel).includes('backoff'), { timeout: 10_000 }).toBe(true);
  for (const pod of pods) pod.kill('SIGCONT');
  await expect.poll(() => ready(channel), { timeout: 5_000 }).toBe(PODS);
  await calls.stop();
  // Those that lay on the starved Pods, and none since.
  expect(calls.failed.length).toBeLessThanOrEqual(20);
  expect(calls.failed.filter(({ nth }) => nth >= begun)).toEqual([]);
  for (const { error } of calls.failed) {
    expect([error.code, error.details]).toEqual([
      status.UNAVAILABLE,
      expect.stringMatching(/no answer to a keepalive PING/),
    ]);
  }
});

test('when all Pods were starved for seconds each is back soon after, and calls succeed again', async () => {
  const channel = open(addresses, IMPATIENT);
  await expect.poll(() => ready(channel)).toBe(PODS);
  const calls = load(channel, 20, 2_000);
  await expect.poll(() => calls.done).toBeGreaterThan(100);
  for (const pod of pods) pod.kill('SIGSTOP');
  await expect
    .poll(() => channel.snapshot().pods.every(({ lastError }) => lastError?.includes('SETTINGS')), {
      timeout: 15_000,
    })
    .toBe(true);
  for (const pod of pods) pod.kill('SIGCONT');
  await expect.poll(() => ready(channel), { timeout: 5_000 }).toBe(PODS);
  const lost = calls.failed.length;
  const before = calls.done;
  await expect.poll(() => calls.done, { timeout: 10_000 }).toBeGreaterThan(before + 500);
  await calls.stop();
  expect(calls.failed.length - lost).toBeLessThanOrEqual(20);
});

test('when every event loop of the fleet stalls again and again no connection is lost with the default times', async () => {
  const channel = open(addresses);
  await expect.poll(() => ready(channel)).toBe(PODS);
  const calls = load(channel, 20, 20_000);
  for (let round = 0; round < 2; round++) {
    for (const pod of pods) pod.send(2_000);
    const before = calls.done;
    await expect.poll(() => calls.done, { timeout: 10_000 }).toBeGreaterThan(before + 200);
  }
  await calls.stop();
  expect(calls.failed).toEqual([]);
  expect(channel.snapshot().pods.map(({ lastError }) => lastError ?? 'none')).toEqual(
    new Array(PODS).fill('none'),
  );
});

test('a stall of our own event loop costs neither a connection nor a call', async () => {
  const channel = open(addresses, IMPATIENT);
  await expect.poll(() => ready(channel)).toBe(PODS);
  const calls = load(channel, 20, 20_000);
  for (let round = 0; round < 2; round++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    const before = calls.done;
    await expect.poll(() => calls.done, { timeout: 10_000 }).toBeGreaterThan(before + 50);
  }
  await calls.stop();
  expect(calls.failed).toEqual([]);
  expect(channel.snapshot().pods.map(({ lastError }) => lastError ?? 'none')).toEqual(
    new Array(PODS).fill('none'),
  );
});

test('Pods that accept and say nothing do not keep the channel from those behind them, and closing leaves no socket', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => {})
      .once('close', () => sockets.delete(socket))
      .resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '0.0.0.0', resolve));
  const { port } = silent.address() as { port: number };
  const hung = Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 2}:${port}`);
  const startedMs = performance.now();
  const channel = open([...hung, addresses[0]!], { maxConnecting: 2, connectTimeoutMs: 30_000 });
  expect(await call(channel, 20_000)).toBeNull();
  // Four turns of a second; without them two minutes.
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect(sockets.size).toBe(8);
  await channel.close({ graceMs: 0 });
  await expect.poll(() => sockets.size, { timeout: 5_000 }).toBe(0);
  await new Promise<void>((resolve) => silent.close(() => resolve()));
});
