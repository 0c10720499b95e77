import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { serve } from '@podwire/provider';
import { nacos } from '@podwire/registry-nacos';
import { createChannel } from 'podwire';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Nacos, startNacos } from '../servers/nacos.mjs';
import { freePort } from '../servers/process.mjs';
import { echoClient, echoServer, getEcho } from '../support/echo.ts';
import { oneNacosVersion, viewOf } from '../support/nacos.ts';

let server: Nacos;
const children: ChildProcess[] = [];
const SOON = { timeout: 10_000 };

beforeAll(async () => {
  server = await startNacos({
    version: oneNacosVersion,
    properties: { 'nacos.naming.push.pushTaskDelay': 10 },
  });
});
afterAll(() => server?.close());
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Listed {
  readonly port: number;
  readonly weight: number;
  readonly enabled: boolean;
}

async function listed(service: string): Promise<Listed[]> {
  const list = await viewOf(server, oneNacosVersion)
    .instances(service)
    .catch(() => []);
  return list.map(({ port, weight, enabled }) => ({ port, weight, enabled }));
}

/** A provider in a process of its own, with what it printed. */
function run(options: object) {
  const program = fileURLToPath(new URL('../support/echo-provider.mjs', import.meta.url));
  const argument = JSON.stringify({ nacos: server.address, serve: options });
  const child = spawn(process.execPath, [program, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more) => {
    text += more;
  });
  const says = async (pattern: RegExp) => {
    await expect.poll(() => text, { timeout: 20_000 }).toMatch(pattern);
    return pattern.exec(text)![1] ?? '';
  };
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? String(code)));
  });
  return { child, says, ended };
}

function call(address: string, path: string, sent = Buffer.from('a')): Promise<Buffer | undefined> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const bytes = (value: Buffer) => value;
  return new Promise<Buffer | undefined>((resolve, reject) => {
    client.makeUnaryRequest(path, bytes, bytes, sent, (error, reply) =>
      error === null ? resolve(reply) : reject(error),
    );
  }).finally(() => client.close());
}

test('serves on without its registry, and is announced again as it was last', async () => {
  const provider = await serve(echoServer('a'), {
    address: '127.0.0.1:0',
    credentials: grpc.ServerCredentials.createInsecure(),
    registry: nacos({ servers: [server.address], requestTimeoutMs: 1_000 }),
    service: 'kept',
    signals: [],
    noticeMs: 0,
  });
  const { port } = provider;
  await expect.poll(() => listed('kept'), SOON).toEqual([{ port, weight: 1, enabled: true }]);
  await provider.update({ weight: 7 });
  await provider.update({ phase: 'draining' });
  await expect.poll(() => listed('kept'), SOON).toEqual([{ port, weight: 7, enabled: false }]);
  await using channel = createChannel(`static:///${provider.address}`);
  const client = echoClient(channel);
  await server.stop();
  server.wipe();
  await expect(provider.update({ weight: 9 })).rejects.toThrow();
  expect(await getEcho(client)).toBe('a a');
  await server.start();
  await expect
    .poll(() => listed('kept').catch(() => []), { timeout: 30_000 })
    .toEqual([{ port, weight: 9, enabled: false }]);
  await provider.update({ phase: 'serving' });
  await expect.poll(() => listed('kept'), SOON).toEqual([{ port, weight: 9, enabled: true }]);
  expect(await provider.drain()).toMatchObject({ withdrawn: true, finished: true });
  await expect.poll(() => listed('kept'), SOON).toEqual([]);
}, 120_000);

test('leaves on SIGTERM: out of the registry first, and it serves consumers that have not heard', async () => {
  const { child, says, ended } = run({ noticeMs: 4_000, graceMs: 5_000 });
  const address = await says(/serves (\S+)/);
  await expect.poll(() => listed('echo'), SOON).toHaveLength(1);
  child.kill('SIGTERM');
  await expect.poll(() => listed('echo'), { ...SOON, interval: 20 }).toEqual([]);
  expect(String(await call(address, '/test.Echo/Quick'))).toBe('a');
  expect(JSON.parse(await says(/stopped (.*)/))).toMatchObject({ withdrawn: true, finished: true });
  expect(await ended).toBe('0');
}, 30_000);

test('a second SIGTERM waits for nothing', async () => {
  const { child, says, ended } = run({ noticeMs: 600_000, graceMs: 600_000 });
  const address = await says(/serves (\S+)/);
  const cut = call(address, '/test.Echo/Never').catch((error: grpc.ServiceError) => error.code);
  await says(/(never)/);
  child.kill('SIGTERM');
  await says(/^(withdrawn)$/m);
  child.kill('SIGTERM');
  expect(await ended).toBe('0');
  expect(JSON.parse(await says(/stopped (.*)/))).toMatchObject({ withdrawn: true, finished: false });
  expect(await cut).not.toBe(grpc.status.OK);
}, 30_000);

test('a registry that hangs holds nothing up: neither a start that SIGTERM ends, nor a withdrawal', async () => {
  const leaving = run({ noticeMs: 0, withdrawTimeoutMs: 300 });
  await leaving.says(/serves (\S+)/);
  server.signal('SIGSTOP');
  try {
    const address = `127.0.0.1:${await freePort()}`;
    const starting = run({ address, timeoutMs: 600_000, noticeMs: 0, withdrawTimeoutMs: 300 });
    const health = () => call(address, '/grpc.health.v1.Health/Check', Buffer.alloc(0)).catch(() => {});
    const SERVING = Buffer.from([8, 1]);
    await expect.poll(health, { timeout: 20_000 }).toEqual(SERVING);
    leaving.child.kill('SIGTERM');
    expect(JSON.parse(await leaving.says(/stopped (.*)/))).toMatchObject({ withdrawn: false });
    expect(await leaving.ended).toBe('0');
    starting.child.kill('SIGTERM');
    expect(JSON.parse(await starting.says(/stopped (.*)/))).toMatchObject({ withdrawn: false });
    expect(await starting.ended).toBe('0');
  } finally {
    server.signal('SIGCONT');
  }
}, 60_000);
