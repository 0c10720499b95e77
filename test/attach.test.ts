import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { type AttachedProvider, type AttachOptions, attach } from '@podwire/provider';
import { fileAnnouncer, InvalidInput } from '@podwire/registry';
import { expect, onTestFinished, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type Order, ordersClient, ordersService } from './support/orders-client.ts';
import { until } from './support/until.ts';

type Unary = grpc.handleUnaryCall<Order, Order>;

/**
 * As frameworks do it, NestJS for one: the server is theirs, a hook sees it before it is bound, another one is awaited before it
 * is stopped, and calls that are left then are cut.
 */
class Framework {
  readonly #server = new grpc.Server();
  port = 0;
  beforeShutdown: () => Promise<unknown> = async () => {};

  constructor(onGet: Unary) {
    this.#server.addService(ordersService, { get: onGet, collect() {}, list() {}, chat() {} });
  }

  async listen(port: number, onServer: (server: grpc.Server) => void): Promise<void> {
    onServer(this.#server);
    const insecure = grpc.ServerCredentials.createInsecure();
    this.port = await new Promise((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, insecure, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  async close(): Promise<void> {
    await this.beforeShutdown();
    this.#server.forceShutdown();
  }
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = new grpc.Server();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  server.forceShutdown();
  return port;
}

async function open(onGet: Unary, options: Partial<AttachOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'podwire-attach-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const framework = new Framework(onGet);
  const port = await freePort();
  let provider: AttachedProvider | undefined;
  await framework.listen(port, (server) => {
    provider = attach(server, {
      registry: fileAnnouncer(directory),
      service: 'orders',
      host: '127.0.0.1',
      port,
      noticeMs: 300,
      healthOf: ['orders'],
      ...options,
    });
  });
  onTestFinished(() => framework.close());
  return { framework, provider: provider!, directory };
}

/** The answer of the health service: 1 is SERVING, 2 NOT_SERVING. */
function health(port: number): Promise<number | undefined> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const raw = (bytes: Buffer) => bytes;
  return new Promise<number | undefined>((resolve, reject) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', raw, raw, Buffer.alloc(0), (error, reply) => {
      if (error) reject(error);
      else resolve(reply?.[1]);
    });
  }).finally(() => client.close());
}

test('a server that a framework binds is announced, and leaves under load without losing a call', async () => {
  const answer: Unary = (call, callback) =>
    setTimeout(() => callback(null, { ...call.request, pod: 'a' }), 5);
  const { framework, provider, directory } = await open(answer, { noticeMs: 2_000 });
  const other = await open(answer, { registry: fileAnnouncer(directory) });
  expect([await health(framework.port), provider.state]).toEqual([2, 'starting']);
  await Promise.all([provider.announce(), other.provider.announce(), provider.announce()]);
  expect([await health(framework.port), provider.state]).toEqual([1, 'serving']);
  expect(provider.address).toBe(`127.0.0.1:${framework.port}`);
  const channel = openChannel(`file://${directory}/#orders`);
  await until(() => channel.snapshot().pods.filter(({ state }) => state === 'ready').length === 2);
  const client = ordersClient(channel);
  let stopped = false;
  framework.beforeShutdown = () => provider.drain();
  const closed = framework.close().then(() => {
    stopped = true;
  });
  let calls = 0;
  while (!stopped) {
    await Promise.all(Array.from({ length: 10 }, () => get(client)));
    calls += 10;
  }
  await closed;
  expect(calls).toBeGreaterThan(20);
  expect(await provider.drain()).toMatchObject({ withdrawn: true, finished: true });
  expect(
    channel
      .snapshot()
      .pods.filter(({ state }) => state === 'ready')
      .map(({ id }) => id),
  ).toEqual([other.provider.address]);
  expect(provider.state).toBe('stopped');
});

test('a call under way ends before the framework stops the server', async () => {
  let finish = () => {};
  const { framework, provider, directory } = await open(
    (call, callback) => {
      finish = () => callback(null, { ...call.request, id: 'done' });
    },
    { noticeMs: 0 },
  );
  await provider.announce();
  const before = finish;
  const call = get(ordersClient(openChannel(`file://${directory}/#orders`)));
  await until(() => finish !== before);
  framework.beforeShutdown = () => provider.drain();
  const closed = framework.close();
  await until(() => provider.state === 'leaving');
  finish();
  expect((await call).id).toBe('done');
  await closed;
});

test('with signals of its own it leaves on one, though the framework hears none', async () => {
  const reports: unknown[] = [];
  const { provider } = await open((call, callback) => callback(null, call.request), {
    signals: ['SIGUSR2'],
    noticeMs: 0,
    onStopped: (report) => reports.push(report),
  });
  await provider.announce();
  process.emit('SIGUSR2');
  await until(() => reports.length === 1);
  expect(reports).toEqual([expect.objectContaining({ withdrawn: true, finished: true })]);
  expect(process.listenerCount('SIGUSR2')).toBe(0);
});

test('one that is told to leave before it was announced is never listed', async () => {
  const { provider, directory } = await open((call, callback) => callback(null, call.request), {
    noticeMs: 0,
  });
  const announced = provider.announce();
  await provider.drain();
  await announced;
  await provider.announce();
  const channel = openChannel(`file://${directory}/#orders`);
  await until(() => channel.snapshot().state === 'empty');
  expect(provider.state).toBe('stopped');
});

test('a framework that shows no more than addService stops the server itself', async () => {
  const added: unknown[] = [];
  const provider = attach({ addService: (service) => added.push(service) }, { port: 50_051, noticeMs: 0 });
  await provider.announce();
  expect(added).toHaveLength(1);
  expect(await provider.drain()).toMatchObject({ withdrawn: true, finished: true });
});

test.each([
  [{}, 'options.port: undefined must be a port'],
  [{ port: 0 }, 'options.port: 0 must be a port'],
  [{ port: 1, adress: 'x' }, 'options.adress'],
  [{ port: 1, registry: fileAnnouncer('/tmp') }, 'options.service: undefined must name the service'],
  [{ port: 1, signals: ['SIGTREM'] }, 'options.signals[0]'],
])('%j is refused at once', (options, message) => {
  const server = new grpc.Server();
  expect(() => attach(server, options as AttachOptions)).toThrow(message);
  expect(() => attach(server, options as AttachOptions)).toThrow(InvalidInput);
  expect(() => attach(undefined as never, { port: 1 })).toThrow('must be the grpc-js Server');
});
