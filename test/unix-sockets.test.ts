import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, channelFactory, createChannel } from 'podwire';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type OrdersClient, OrdersConstructor, ordersClient } from './support/orders-client.ts';
import { failure } from './support/orders-fixture.ts';
import { openOrdersServer } from './support/orders-server.ts';

const pem = (name: string) => readFileSync(new URL(`./certs/${name}`, import.meta.url));

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'podwire-unix-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A server that also listens on a socket. */
async function listen(
  target: string,
  credentials: grpc.ServerCredentials = grpc.ServerCredentials.createInsecure(),
) {
  const orders = await openOrdersServer();
  await new Promise<void>((resolve, reject) => {
    orders.server.bindAsync(target, credentials, (error) => (error === null ? resolve() : reject(error)));
  });
  return orders;
}

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  const open = (target: string, options: ChannelOptions = {}) =>
    openChannel(target, { transport, ...options });

  test.each([
    ['unix:/absolute', (path: string) => `unix:${path}`],
    ['unix:///absolute', (path: string) => `unix://${path}`],
    ['unix:relative', (path: string) => `unix:${relative(process.cwd(), path)}`],
    ['a list', (path: string) => `static:///unix:${path}`],
  ])('a call goes to the socket of %s, as of localhost', async (_name, spell) => {
    const path = join(directory(), 'orders.sock');
    const orders = await listen(`unix:${path}`);
    let host = '';
    orders.onGet = (call, callback) => {
      host = call.getHost();
      callback(null, call.request);
    };
    const channel = open(spell(path));
    const call = ordersClient(channel).get({ id: '1' }, () => {});
    expect((await get(ordersClient(channel), { id: '7' })).id).toBe('7');
    expect(host).toBe('localhost');
    expect(call.getPeer()).toBe(`unix:${path}`);
    expect(channel.snapshot().pods).toMatchObject([{ id: `unix:${path}`, state: 'ready' }]);
    const named = new grpc.Metadata();
    named.set('podwire-pod', `unix:${path}`);
    expect((await get(ordersClient(channel), { id: '8' }, named)).id).toBe('8');
  });

  test('with TLS the certificate is checked for localhost', async () => {
    const path = join(directory(), 'orders.sock');
    const keys = [{ private_key: pem('server-one.key'), cert_chain: pem('server-one.pem') }];
    await listen(`unix:${path}`, grpc.ServerCredentials.createSsl(null, keys));
    const ca = pem('ca-one.pem');
    expect((await get(ordersClient(open(`unix:${path}`, { tls: { ca } })), { id: '7' })).id).toBe('7');
    const other = open(`unix:${path}`, { tls: { ca, serverName: 'other.example' } });
    expect((await failure(get(ordersClient(other)))).details).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test.runIf(process.platform === 'linux')('unix-abstract:name is a socket without a file', async () => {
    const orders = await openOrdersServer();
    const name = `podwire-${process.pid}-${transport}`;
    // grpc-js binds none: what comes is passed on.
    const pass = createServer((socket) => {
      const there = connect(orders.port, '127.0.0.1');
      socket.pipe(there).pipe(socket);
      there.on('error', () => socket.destroy());
      socket.on('error', () => there.destroy());
    }).listen(`\0${name}`);
    onTestFinished(() => void pass.close());
    const channel = open(`unix-abstract:${name}`);
    expect((await get(ordersClient(channel), { id: '7' })).id).toBe('7');
    expect(channel.snapshot().pods[0]!.id).toBe(`unix-abstract:${name}`);
  });

  test('an error names the socket', async () => {
    const path = join(directory(), 'gone.sock');
    const error = await failure(get(ordersClient(open(`unix:${path}`))));
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'NO_CONNECTION' });
    expect(error.details).toContain(`unix:${path}: connect ENOENT ${path}`);
    expect(error.details).toContain('[gone ');
  });
});

test('a factory takes the address that a client was made with', async () => {
  const path = join(directory(), 'orders.sock');
  await listen(`unix:${path}`);
  const client = new OrdersConstructor(`unix:${path}`, grpc.credentials.createInsecure(), {
    channelFactoryOverride: channelFactory(),
  }) as unknown as OrdersClient;
  onTestFinished(() => client.close());
  expect((await get(client, { id: '7' })).id).toBe('7');
});

test.each([
  ['unix:', "must name a socket's path"],
  ['unix:///', "must name a socket's path"],
  ['unix-abstract:', "must name a socket's path"],
  ['unix:/run/', "must name a socket's path"],
  [`unix:/${'x'.repeat(107)}`, 'at most 107 bytes'],
  ['unix:/run/a%00b', "must name a socket's path"],
  ['unix://run/orders.sock', "did you mean 'unix:///run/orders.sock'?"],
  ['unix:/run/orders.sock?x=1', "takes no option 'x'"],
])('%s is refused at once', (target, rule) => {
  expect(() => createChannel(target)).toThrow(rule);
});
