import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { type ServeOptions, serve } from '@podwire/provider';
import { type Announcer, fileAnnouncer, InvalidInput } from '@podwire/registry';
import { createChannel } from 'podwire';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const proto = fileURLToPath(new URL('../examples/demo/orders.proto', import.meta.url));
const { Orders } = grpc.loadPackageDefinition(loadSync(proto)).demo as unknown as {
  Orders: grpc.ServiceClientConstructor;
};
const insecure = grpc.ServerCredentials.createInsecure();
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podwire-provider-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Reply = (callback: (error: null, value: { id: string; pod: string }) => void) => void;

function start(reply: Reply, options: Partial<ServeOptions> = {}) {
  const server = new grpc.Server();
  server.addService(Orders.service, {
    get: (_call: unknown, callback: Parameters<Reply>[0]) => reply(callback),
  });
  const registry = fileAnnouncer(directory);
  return serve(server, {
    address: '127.0.0.1:0',
    credentials: insecure,
    registry,
    service: 'orders',
    signals: [],
    noticeMs: 300,
    ...options,
  });
}

const named = (pod: string): Reply => {
  return (callback) => setTimeout(() => callback(null, { id: '1', pod }), 2);
};

/** The answer of the health service: 1 is SERVING, 2 NOT_SERVING. */
function health(address: string): Promise<number | undefined> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const raw = (bytes: Buffer) => bytes;
  return new Promise<number | undefined>((resolve, reject) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', raw, raw, Buffer.alloc(0), (error, reply) => {
      if (error) reject(error);
      else resolve(reply?.[1]);
    });
  }).finally(() => client.close());
}

function client(channel: ReturnType<typeof createChannel>) {
  const orders = new Orders('', grpc.credentials.createInsecure(), { channelOverride: channel });
  return () =>
    new Promise<string>((resolve, reject) => {
      orders.get!({ id: '1' }, (error: Error | null, reply: { pod: string }) =>
        error ? reject(error) : resolve(reply.pod),
      );
    });
}

test('a watch of its health is no call that a provider waits for', async () => {
  const provider = await start(named('a'), { noticeMs: 0 });
  const raw = (bytes: Buffer) => bytes;
  const watcher = new grpc.Client(provider.address, grpc.credentials.createInsecure());
  const path = '/grpc.health.v1.Health/Watch';
  const call = watcher.makeServerStreamRequest(path, raw, raw, Buffer.alloc(0));
  const said: (number | undefined)[] = [];
  call.on('data', (reply: Buffer) => said.push(reply[1]));
  const ended = new Promise<grpc.ServiceError>((resolve) => call.on('error', resolve));
  await expect.poll(() => said).toEqual([1]);
  expect(await provider.drain()).toMatchObject({ finished: true });
  expect([said, (await ended).code]).toEqual([[1, 2], grpc.status.UNAVAILABLE]);
  watcher.close();
});

test('a client of podwire watches the health of a provider that is announced', async () => {
  const provider = await start(named('a'), { noticeMs: 2_000, attributes: { a: 'b' } });
  await using channel = createChannel(`file://${directory}/#orders`);
  await channel.ready();
  await expect.poll(() => channel.snapshot().pods[0]?.health).toBe('SERVING');
  const said: unknown[] = [];
  channel.events.on('health', ({ health }) => said.push(health));
  await provider.update({ attributes: { a: 'c' } });
  expect(provider.presences[0]?.endpoint.attributes).toEqual({ 'health.service': '', a: 'c' });
  const drained = provider.drain();
  await expect.poll(() => said).toEqual(['NOT_SERVING']);
  expect(await drained).toMatchObject({ finished: true });
});

test('a provider leaves under load, and no call is lost', async () => {
  // Longer than a busy machine may take to tell.
  const noticeMs = 2_000;
  const [a, b] = await Promise.all([start(named('a'), { noticeMs }), start(named('b'))]);
  await using channel = createChannel(`file://${directory}/#orders`);
  await channel.ready();
  await expect.poll(() => channel.snapshot().pods.length).toBe(2);
  const call = client(channel);
  const failed: unknown[] = [];
  const seen = new Set<string>();
  let running = true;
  const load = Array.from({ length: 16 }, async () => {
    // A failed call ends the load: on a closed channel it would go on for ever.
    while (running && failed.length === 0)
      await call().then(
        (pod) => seen.add(pod),
        (error) => failed.push(error),
      );
  });
  await expect.poll(() => seen.size).toBe(2);
  const draining = a.drain();
  expect(await health(a.address)).toBe(2);
  expect(await health(b.address)).toBe(1);
  await expect.poll(() => channel.snapshot().pods.map(({ id }) => id)).toEqual([b.address]);
  // Consumers know, and it still serves those that do not.
  expect(a.state).toBe('leaving');
  expect(await draining).toMatchObject({ withdrawn: true, finished: true });
  seen.clear();
  await expect.poll(() => seen.size).toBe(1);
  running = false;
  await Promise.all(load);
  expect([failed, [...seen], a.state]).toEqual([[], ['b'], 'stopped']);
  await b.drain();
});

test('calls that do not end are cut after the grace', async () => {
  let reached = () => {};
  const began = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const provider = await start(() => reached(), { noticeMs: 0, graceMs: 50 });
  await using channel = createChannel(`static:///${provider.address}`);
  const call = client(channel)();
  call.catch(() => {});
  await began;
  expect(await provider.drain()).toMatchObject({ withdrawn: true, finished: false });
  await expect(call).rejects.toThrow();
});

test('the first signal cuts no call of a provider that leaves already, and ends the process as usual', async () => {
  let reached = () => {};
  const began = new Promise<void>((resolve) => {
    reached = resolve;
  });
  let answer = () => {};
  const reply: Reply = (callback) => {
    answer = () => callback(null, { id: '1', pod: 'a' });
    reached();
  };
  const stopped = vi.fn();
  const provider = await start(reply, { signals: ['SIGUSR2'], onStopped: stopped, noticeMs: 0 });
  await using channel = createChannel(`static:///${provider.address}`);
  const call = client(channel)();
  await began;
  const drained = provider.drain();
  process.kill(process.pid, 'SIGUSR2');
  const signalled = new Promise((resolve) => process.once('SIGUSR2', resolve));
  await signalled;
  answer();
  expect(await call).toBe('a');
  expect(await drained).toMatchObject({ finished: true });
  expect(stopped).toHaveBeenCalledWith(await drained);
});

test('a Pod that something else lists needs no registry', async () => {
  const server = new grpc.Server();
  const provider = await serve(server, { address: '127.0.0.1:0', credentials: insecure, noticeMs: 0 });
  expect(process.listenerCount('SIGTERM')).toBe(1);
  expect(await health(provider.address)).toBe(1);
  expect(await provider.drain()).toMatchObject({ withdrawn: true, finished: true });
  expect(process.listenerCount('SIGTERM')).toBe(0);
});

test.each([
  ['[::1]:0', undefined, '[::1]:'],
  ['[::]:0', 'fd00::7', '[fd00::7]:'],
  ['[0:0:0:0:0:0:0:0]:0', '10.0.0.7', '10.0.0.7:'],
  ['0.0.0.0:0', '10.0.0.7', '10.0.0.7:'],
])('bound to %s it is announced where others reach it', async (address, host, announced) => {
  const provider = await start(named('a'), { address, noticeMs: 0, ...(host === undefined ? {} : { host }) });
  expect(provider.address).toBe(`${announced}${provider.port}`);
  await provider.drain();
});

test('a spelled-out wildcard is no address to announce', async () => {
  vi.stubEnv('POD_IP', '10.0.0.8');
  const provider = await start(named('a'), { address: '[0:0:0:0:0:0:0:0]:0', noticeMs: 0 });
  vi.unstubAllEnvs();
  expect(provider.address).toBe(`10.0.0.8:${provider.port}`);
  await provider.drain();
});

test('wrong options and a port that is taken are errors that say so', async () => {
  const first = await start(named('a'));
  await expect(start(named('b'), { address: first.address })).rejects.toThrow(
    `options.address: "${first.address}" cannot be bound`,
  );
  await expect(start(named('b'), { noticeMs: -1 })).rejects.toThrow('options.noticeMs: -1 must be 0 or more');
  await expect(start(named('b'), { graceMs: '5' } as never)).rejects.toThrow('options.graceMs: "5" must be');
  await expect(start(named('b'), { signals: 'SIGTERM' } as never)).rejects.toThrow("such as ['SIGTERM']");
  await expect(start(named('b'), { signals: ['SIGTREM'] } as never)).rejects.toThrow(
    "did you mean 'SIGTERM'",
  );
  await expect(start(named('b'), { healthOf: 'a' } as never)).rejects.toThrow('must be a list of names');
  await expect(start(named('b'), { credentials: undefined } as never)).rejects.toThrow('options.credentials');
  await expect(start(named('b'), { graceMS: 1 } as never)).rejects.toThrow("did you mean 'graceMs'");
  await expect(start(named('b'), { address: 'here' })).rejects.toThrow(
    'options.address: "here" must be host:port',
  );
  await first.drain();
});

test('a provider of several services is in all of them, changes in all, and leaves all', async () => {
  const names = ['orders', 'carts', 'users'];
  await using provider = await start(named('a'), { service: names, noticeMs: 0 });
  expect(provider.presences.map(({ state }) => state)).toEqual(['listed', 'listed', 'listed']);
  const weights = (name: string) => {
    const channel = createChannel(`file://${directory}/#${name}`);
    const pods = () => channel.snapshot().pods.map(({ id, weight }) => [id, weight]);
    return { channel, pods };
  };
  const seen = names.map(weights);
  for (const { pods } of seen) await expect.poll(pods).toEqual([[provider.address, 1]]);
  expect(await client(seen[1]!.channel)()).toBe('a');
  await provider.update({ weight: 7 });
  for (const { pods } of seen) await expect.poll(pods).toEqual([[provider.address, 7]]);
  expect(await provider.drain()).toMatchObject({ withdrawn: true, finished: true });
  for (const { pods } of seen) await expect.poll(pods).toEqual([]);
  for (const { channel } of seen) await channel.close();
});

test.each<[string[], RegExp]>([
  [[], /^options\.service: \[\] must name the service/],
  [['orders', ''], /^options\.service/],
  [['orders', 'orders'], /^options\.service\[1\]: "orders" must be there once/],
])('of the services %j none is announced', async (service, message) => {
  await expect(start(named('a'), { service })).rejects.toThrow(message);
  await using channel = createChannel(`file://${directory}/#orders`, { holdMs: 0 });
  await expect.poll(() => channel.snapshot().state).toBe('empty');
});

test('a provider that a registry refuses is out of it when `serve` rejects', async () => {
  const listed = new Set<string>();
  const registry: Announcer = {
    async announce(service, endpoint) {
      if (service === 'billing') throw new InvalidInput('service', service, 'is not taken here');
      listed.add(service);
      const withdraw = async () => {
        await new Promise(setImmediate);
        listed.delete(service);
      };
      return { endpoint, update: async () => {}, withdraw };
    },
  };
  await expect(start(named('a'), { registry, service: ['orders', 'billing'] })).rejects.toThrow(
    'is not taken here',
  );
  expect([...listed]).toEqual([]);
});
