import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerCertificate } from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { ChannelOptions, PodwireChannel } from 'podwire';
import { describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

const certs = fileURLToPath(new URL('certs/', import.meta.url));
const file = (name: string) => join(certs, name);

function credentials(authority: 'one' | 'two', askClient = false): grpc.ServerCredentials {
  const pair = {
    cert_chain: readFileSync(file(`server-${authority}.pem`)),
    private_key: readFileSync(file(`server-${authority}.key`)),
  };
  return grpc.ServerCredentials.createSsl(readFileSync(file('ca-one.pem')), [pair], askClient);
}
const start = (
  authority: 'one' | 'two',
  { askClient, ...options }: { askClient?: boolean; port?: number } = {},
): Promise<OrdersServer> => openOrdersServer({ credentials: credentials(authority, askClient), ...options });

describe.each(['node-http2', 'http2'] as const)('TLS over %s', (transport) => {
  function open(server: OrdersServer, tls: NonNullable<ChannelOptions['tls']>): PodwireChannel {
    const backoff = { initialMs: 10, maxMs: 50 };
    return openChannel(`static:///${server.address}`, {
      transport,
      tls,
      backoff,
      // Longer than a test may take: a client that is refused is told by the peer, and need not wait for this.
      connectTimeoutMs: 60_000,
      authority: 'orders.test',
    });
  }

  test('checks the certificate against the authority, and carries call credentials', async () => {
    const server = await start('one');
    const client = ordersClient(open(server, { caFile: file('ca-one.pem') }));
    const callCredentials = grpc.credentials.createFromMetadataGenerator(({ service_url }, callback) => {
      const metadata = new grpc.Metadata();
      metadata.set('authorization', service_url);
      callback(null, metadata);
    });
    await get(client, {}, new grpc.Metadata(), { credentials: callCredentials });
    expect(server.metadata.get('authorization')).toEqual(['https://orders.test/podwire.test.Orders']);
  });

  test('checks the server as `checkServerIdentity` says, in the words of its refusal', async () => {
    const server = await start('one');
    const seen: string[] = [];
    const accepts = (name: string, { subject }: PeerCertificate) => {
      seen.push(`${name} ${subject.CN}`);
      return undefined;
    };
    const ca = readFileSync(file('ca-one.pem'));
    // The certificate is for other names; the function is all that looks at them.
    const other = { ca, serverName: 'elsewhere.test' };
    await get(ordersClient(open(server, { ...other, checkServerIdentity: accepts })));
    expect(seen).toEqual(['elsewhere.test podwire test server']);
    const refusals: [() => unknown, string][] = [
      [() => new Error('the key is not the pinned one'), 'the key is not the pinned one'],
      [
        () => Promise.resolve(undefined),
        'checkServerIdentity returned object: it must return an Error or nothing',
      ],
      [
        () => {
          throw new TypeError('no such field');
        },
        'no such field',
      ],
    ];
    for (const [check, words] of refusals) {
      const checkServerIdentity = check as () => undefined;
      await expect(get(ordersClient(open(server, { ...other, checkServerIdentity })))).rejects.toMatchObject({
        code: grpc.status.UNAVAILABLE,
        details: expect.stringContaining(words),
      });
    }
    expect(server.calls).toBe(1);
  });

  test('a deadline that passes before there are call credentials says so', async () => {
    const client = ordersClient(open(await start('one'), { caFile: file('ca-one.pem') }));
    await get(client);
    const silent = grpc.credentials.createFromMetadataGenerator(() => {});
    const options = { credentials: silent, deadline: Date.now() + 200 };
    await expect(get(client, {}, new grpc.Metadata(), options)).rejects.toMatchObject({
      code: grpc.status.DEADLINE_EXCEEDED,
      details: expect.stringContaining('ms, waiting for call credentials ['),
    });
  });

  test.each([
    [null, 'null'],
    [{ authorization: 'a' }, '{"authorization":"a"}'],
    ['Bearer a', '"Bearer a"'],
  ])('call credentials that give %j, which is no Metadata, end the call and say so', async (given, shown) => {
    const client = ordersClient(open(await start('one'), { caFile: file('ca-one.pem') }));
    const odd = grpc.credentials.createFromMetadataGenerator((_, callback) => callback(null, given as never));
    await expect(get(client, {}, new grpc.Metadata(), { credentials: odd })).rejects.toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      reason: 'CREDENTIALS',
      details: expect.stringContaining(`call credentials failed: they gave ${shown}, which is no Metadata [`),
    });
    await get(client);
  });

  test('refuses a certificate of another authority, saying so', async () => {
    const client = ordersClient(open(await start('two'), { caFile: file('ca-one.pem') }));
    await expect(get(client)).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
      reason: 'NO_CONNECTION',
      details: expect.stringMatching(/certificate/i),
    });
  });

  test('refuses a certificate of another name', async () => {
    const client = ordersClient(
      open(await start('one'), { caFile: file('ca-one.pem'), serverName: 'stock.test' }),
    );
    await expect(get(client)).rejects.toMatchObject({ details: expect.stringContaining('stock.test') });
  });

  test('shows a client certificate where one is asked for', async () => {
    const server = await start('one', { askClient: true });
    const own = {
      caFile: file('ca-one.pem'),
      certFile: file('client-one.pem'),
      keyFile: file('client-one.key'),
    };
    await expect(get(ordersClient(open(server, own)), { id: 'x' })).resolves.toMatchObject({ id: 'x' });
    await expect(get(ordersClient(open(server, { caFile: file('ca-one.pem') })))).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
  });

  test('reads files again when they change', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'podwire-'));
    const caFile = join(directory, 'ca.pem');
    copyFileSync(file('ca-one.pem'), caFile);
    const server = await start('one');
    const channel = open(server, { caFile });
    await channel.ready();
    await server.stop();
    await start('two', { port: server.port });
    await until(() => /certificate/i.test(channel.snapshot().pods[0]?.lastError ?? ''));
    copyFileSync(file('ca-two.pem'), caFile);
    await channel.ready();
    await get(ordersClient(channel));
    rmSync(directory, { recursive: true });
  });

  test('a plaintext server, or a client without TLS, is an error and no hang', async () => {
    const plain = await openOrdersServer();
    await expect(get(ordersClient(open(plain, { caFile: file('ca-one.pem') })))).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
      details: expect.stringMatching(
        /: the port does not speak TLS; the option tls must go, or the port is another\) \[/,
      ),
    });
    await expect(get(ordersClient(open(await start('one'), false)))).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
  });
});
