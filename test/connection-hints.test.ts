import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createSecureServer, createServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, createClient } from 'podwire';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type OrdersClient, OrdersConstructor, ordersClient } from './support/orders-client.ts';
import { failure } from './support/orders-fixture.ts';
import { openOrdersServer } from './support/orders-server.ts';

const file = (name: string) => fileURLToPath(new URL(`certs/${name}`, import.meta.url));
const pair = { key: readFileSync(file('server-one.key')), cert: readFileSync(file('server-one.pem')) };
const ca = readFileSync(file('ca-one.pem'));
const CA = { caFile: file('ca-one.pem') };

/** A server of TCP that does one thing with every connection. */
const tcp = (act: (socket: Socket) => void) => () =>
  createTcpServer((socket) => {
    socket.on('error', () => {});
    act(socket);
  });
/** What OpenSSL and Go answer to bytes that are no TLS: alert "unexpected message", for example. */
const ALERT = Buffer.from([0x15, 3, 1, 0, 2, 2, 10]);

const SERVERS = {
  'HTTP/2 over TLS': () => createSecureServer(pair),
  'HTTP/2 over TLS with client certificates': () =>
    createSecureServer({ ...pair, ca, requestCert: true, rejectUnauthorized: true }),
  'HTTP/2 in plaintext': () => createServer(),
  'HTTP/1': () => createHttpServer((_, answer) => answer.end()),
  'HTTP/1 over TLS': () => createHttpsServer(pair, (_, answer) => answer.end()),
  'a TLS alert': tcp((socket) => socket.on('data', () => socket.end(ALERT))),
  silence: tcp((socket) => socket.on('data', () => socket.destroy())),
  SSH: tcp((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n')),
};

const NEEDS_TLS = 'port speaks TLS';
const NO_TLS = 'the port does not speak TLS';
const NO_HTTP2 = 'the port does not speak HTTP/2';
const UNSIGNED = "no authority of the option tls.ca, or of Node's own, signed it";

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  test.each<[keyof typeof SERVERS, ChannelOptions['tls'], ...string[]]>([
    ['HTTP/2 over TLS', false, NEEDS_TLS, 'set the option tls'],
    ['HTTP/1 over TLS', false, NEEDS_TLS, 'set the option tls'],
    ['a TLS alert', false, NEEDS_TLS, 'set the option tls'],
    ['silence', false, NEEDS_TLS, 'set the option tls'],
    ['HTTP/1', false, NO_HTTP2],
    ['SSH', false, NO_HTTP2],
    ['HTTP/2 in plaintext', CA, NO_TLS],
    ['HTTP/1', CA, NO_TLS],
    ['SSH', CA, NO_TLS],
    ['silence', CA, 'the port may not speak TLS'],
    ['HTTP/1 over TLS', CA, 'the Pod does not offer HTTP/2 over TLS (ALPN h2)'],
    ['HTTP/2 over TLS', true, UNSIGNED],
    ['HTTP/2 over TLS', { caFile: file('ca-two.pem') }, UNSIGNED],
    [
      'HTTP/2 over TLS',
      { ...CA, serverName: 'billing.test' },
      'the certificate is for DNS:orders.test, DNS:localhost, IP Address:127.0.0.1',
      'and billing.test was expected: set tls.serverName, or authority, to a name that it has',
    ],
    ['HTTP/2 over TLS', { ...CA, serverName: '10.1.1.1' }, 'DNS:orders.test', 'and 10.1.1.1 was expected'],
    ['HTTP/2 over TLS with client certificates', CA, 'set tls.cert and tls.key'],
    [
      'HTTP/2 over TLS with client certificates',
      { ...CA, certFile: file('client-two.pem'), keyFile: file('client-two.key') },
      "does not take this client's certificate",
    ],
  ])('%s met with the option tls %j', async (kind, tls, ...words) => {
    const server = SERVERS[kind]() as Server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => server.close() as unknown as undefined);
    const { port } = server.address() as AddressInfo;
    const channel = openChannel(`static:///127.0.0.1:${port}`, {
      ...{ transport, authority: 'orders.test', connectTimeoutMs: 30_000 },
      ...(tls !== undefined && { tls }),
    });
    const { details } = await failure(get(ordersClient(channel)));
    for (const word of words) expect(details).toContain(word);
  });

  const credentials = grpc.ServerCredentials.createSsl(
    null,
    [{ cert_chain: pair.cert, private_key: pair.key }],
    false,
  );
  type Context = ReturnType<grpc.ClientUnaryCall['getAuthContext']>;
  const contextOf = (client: OrdersClient) =>
    new Promise<[Context, Context]>((resolve) => {
      const early: { context?: Context } = {};
      const call = client.get({}, () => resolve([early.context!, call.getAuthContext()]));
      early.context = call.getAuthContext();
    });

  test('getAuthContext has what grpc-js tells of the peer', async () => {
    const server = await openOrdersServer({ credentials });
    const ours = { transport, authority: 'orders.test' };
    const open = (tls: NonNullable<ChannelOptions['tls']>) =>
      openChannel(`static:///${server.address}`, { ...ours, tls });
    const theirs = (options: grpc.VerifyOptions) =>
      new OrdersConstructor(server.address, grpc.credentials.createSsl(ca, null, null, options), {
        'grpc.ssl_target_name_override': 'orders.test',
      }) as unknown as OrdersClient;
    const plain = theirs({});
    const [before, expected] = await contextOf(plain);
    plain.close();
    expect([before, expected?.transportSecurityType]).toEqual([null, 'ssl']);
    expect(expected?.sslPeerCertificate?.subject.CN).toBe('podwire test server');
    for (const client of [
      ordersClient(open(CA)),
      createClient(OrdersConstructor as never, open(CA)) as OrdersClient,
    ]) {
      expect((await contextOf(client))[1]).toEqual(expected);
    }
    // No authority vouches for it, so nothing is told.
    const anyone = open({ rejectUnauthorized: false });
    expect((await contextOf(ordersClient(anyone)))[1]).toEqual({});
  });

  test('getAuthContext of plaintext tells nothing', async () => {
    const server = await openOrdersServer();
    const channel = openChannel(`static:///${server.address}`, { transport });
    expect((await contextOf(ordersClient(channel)))[1]).toEqual({});
  });
});
