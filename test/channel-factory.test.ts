import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import {
  type ChannelOptions,
  channelFactory,
  createClient,
  InvalidInput,
  type PodwireChannel,
} from 'podwire';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createChannel, openChannel } from './support/channel.ts';
import { get, type OrdersClient, OrdersConstructor } from './support/orders-client.ts';
import { type OrdersServer, openOrdersServer } from './support/orders-server.ts';

const pem = (name: string) => readFileSync(fileURLToPath(new URL(`certs/${name}`, import.meta.url)));
const ca = pem('ca-one.pem');
const clientPair = [pem('client-one.key'), pem('client-one.pem')] as const;

/** The transport that this run tests. */
const transport = process.env.PODWIRE_TEST_TRANSPORT as ChannelOptions['transport'];
const own: ChannelOptions = transport === undefined ? {} : { transport };

function secureServer(askClient = false): Promise<OrdersServer> {
  const pair = { cert_chain: pem('server-one.pem'), private_key: pem('server-one.key') };
  return openOrdersServer({ credentials: grpc.ServerCredentials.createSsl(ca, [pair], askClient) });
}

const token = (text: string): grpc.CallCredentials =>
  grpc.credentials.createFromMetadataGenerator((_options, callback) => {
    const metadata = new grpc.Metadata();
    metadata.set('x-token', text);
    callback(null, metadata);
  });

function client(
  address: string,
  credentials: grpc.ChannelCredentials,
  given: PodwireChannel | ChannelOptions = own,
  options: grpc.ClientOptions = {},
): OrdersClient {
  const made = new OrdersConstructor(address, credentials, {
    ...options,
    channelFactoryOverride: channelFactory(given),
  });
  onTestFinished(() => made.close());
  return made as unknown as OrdersClient;
}

const insecure = grpc.credentials.createInsecure();
/** What the factory made. */
const channelOf = (orders: grpc.Client) => orders.getChannel() as PodwireChannel;

describe('a client that makes its channel', () => {
  test('speaks TLS with the certificates of its credentials, and sends the call credentials in them', async () => {
    const server = await secureServer(true);
    const credentials = grpc.credentials
      .createSsl(ca, ...clientPair)
      .compose(token('channel'))
      .compose(token('client'));
    const orders = client(`localhost:${server.port}`, credentials);
    await expect(get(orders, { id: 'x' })).resolves.toMatchObject({ id: 'x' });
    expect(server.metadata.get('x-token')).toEqual(['channel, client']);
    await get(orders, {}, new grpc.Metadata(), { credentials: token('call') });
    expect(server.metadata.get('x-token')).toEqual(['channel, client, call']);
  });

  test('asks call credentials for what grpc-js asks them', async () => {
    const server = await secureServer();
    const asked: unknown[] = [];
    const credentials = grpc.credentials.combineChannelCredentials(
      grpc.credentials.createSsl(ca),
      grpc.credentials.createFromMetadataGenerator((options, callback) => {
        asked.push(options);
        callback(null, new grpc.Metadata());
      }),
    );
    const options = {
      'grpc.ssl_target_name_override': 'orders.test',
      'grpc.default_authority': 'orders.test:8443',
    };
    const plain = new OrdersConstructor(server.address, credentials, options) as unknown as OrdersClient;
    onTestFinished(() => plain.close());
    await get(plain);
    await get(client(server.address, credentials, own, options));
    const [theirs, ours] = asked;
    expect(theirs).toMatchObject({ service_url: 'https://orders.test/podwire.test.Orders' });
    expect(ours).toEqual(theirs);
  });

  test('checks the server as its credentials say', async () => {
    const server = await secureServer();
    const seen: string[] = [];
    const credentials = grpc.credentials.createSsl(ca, null, null, {
      checkServerIdentity: (name, { subject }) => {
        seen.push(`${name} ${subject.CN}`);
        return new Error('not this one');
      },
    });
    const orders = client(`localhost:${server.port}`, credentials);
    await expect(get(orders)).rejects.toMatchObject({ details: expect.stringContaining('not this one') });
    expect(seen[0]).toBe('localhost podwire test server');
    const unchecked = grpc.credentials.createSsl(null, null, null, { rejectUnauthorized: false });
    await expect(get(client(`localhost:${server.port}`, unchecked), { id: 'y' })).resolves.toMatchObject({
      id: 'y',
    });
  });

  test('expects the name in grpc.ssl_target_name_override', async () => {
    const server = await secureServer();
    const credentials = grpc.credentials.createSsl(ca);
    const options = { 'grpc.ssl_target_name_override': 'orders.test' };
    await get(client(server.address, credentials, own, options));
    const other = { 'grpc.ssl_target_name_override': 'stock.test' };
    await expect(get(client(server.address, credentials, own, other))).rejects.toMatchObject({
      details: expect.stringContaining('stock.test'),
    });
  });

  test('uses its own options and those of the factory', async () => {
    const server = await openOrdersServer();
    const orders = client(
      server.address,
      insecure,
      { ...own, name: 'orders', userAgent: 'factory' },
      {
        'grpc.max_send_message_length': 10,
        // As NestJS sets them.
        'grpc.http2.max_pings_without_data': 0,
        'grpc.http2.min_time_between_pings_ms': 10_000,
      },
    );
    await get(orders);
    expect(server.metadata.get('user-agent')[0]).toMatch(/^factory /);
    expect(channelOf(orders).snapshot().service).toBe('orders');
    await expect(get(orders, { id: 'longer than ten bytes' })).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
    });
  });

  test.each([
    [{ 'grpc.keepalive_time_msec': 1 }, 'options["grpc.keepalive_time_msec"]'],
    [{ 'grpc.keepalive_time_ms': 'soon' }, 'options["grpc.keepalive_time_ms"]'],
    [{ polcy: 'random' }, 'options.polcy'],
  ])('refuses %j', (options, path) => {
    expect(() => client('orders:1', insecure, own, options as grpc.ClientOptions)).toThrow(
      expect.objectContaining({ path }),
    );
  });

  test('takes an option of the client before one of the factory, in whichever words', () => {
    const given = { ...own, policy: 'round_robin', keepalive: { timeMs: 20_000, timeoutMs: 1_000 } } as const;
    const options = { 'grpc.keepalive_time_ms': 30_000, policy: undefined };
    const made = channelOf(client('orders:1', insecure, given, options as grpc.ClientOptions));
    expect(made.snapshot().policy).toBe('round_robin');
    // It says what the channel has: a client with other options would be refused.
    client('', insecure, made, { 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 1_000 });
    expect(() => client('', insecure, made, { 'grpc.keepalive_time_ms': 20_000 })).toThrow('cannot change');
  });

  test('refuses wrong options of the factory before there is a client', () => {
    expect(() => channelFactory({ polcy: 'random' } as never)).toThrow('options.polcy is unknown');
    expect(() => channelFactory([] as never)).toThrow("must be a channel, or a channel's options");
    const foreign = new grpc.Channel('orders:1', insecure, {});
    onTestFinished(() => foreign.close());
    expect(() => channelFactory(foreign as never)).toThrow('must be one that createChannel made');
    // TLS comes with the client's credentials.
    expect(() => channelFactory({ callCredentials: token('factory') })).not.toThrow();
    expect(() => channelFactory({ tls: false, callCredentials: token('factory') })).toThrow(
      'need the option tls',
    );
  });

  test('refuses credentials that are none, or that cannot be read', () => {
    expect(() => client('orders:1', null as never)).toThrow(
      'credentials must be channel credentials of grpc-js',
    );
    const provided = grpc.experimental.createCertificateProviderChannelCredentials(
      new grpc.experimental.FileWatcherCertificateProvider({
        caCertificateFile: 'ca.pem',
        refreshIntervalMs: 1e9,
      }),
      null,
    );
    expect(() => client('orders:1', provided)).toThrow(/CertificateProvider.* cannot be read: give .* tls/);
  });

  test('shares its channel with clients of the same address and options, and the last one closes it', async () => {
    const server = await openOrdersServer();
    const [one, two] = [0, 1].map(() => client(server.address, insecure, { ...own, policy: { random: {} } }));
    const other = client(server.address, insecure, { ...own, policy: 'round_robin' });
    await Promise.all([one!, two!, other].map((orders) => get(orders)));
    const calls = (orders: typeof other) => channelOf(orders).snapshot().pods[0]?.calls;
    expect([one!, two!, other].map(calls)).toEqual([2, 2, 1]);

    one!.close();
    expect(channelOf(one!).getConnectivityState(false)).toBe(grpc.connectivityState.SHUTDOWN);
    expect(() => one!.get({}, () => {})).toThrow('Channel has been shut down');
    one!.close();
    await get(two!);
    const before = channelOf(two!);
    await Promise.all([channelOf(two!).close(), channelOf(other).close()]);
    expect(before.snapshot()).toMatchObject({ state: 'closed' });
    // A new channel: the old one is closed.
    const again = client(server.address, insecure, { ...own, policy: { random: {} } });
    await get(again);
    expect(calls(again)).toBe(1);
  });

  test('lets its calls last when it is closed, until it is closed again with a limit', async () => {
    const server = await openOrdersServer();
    const orders = client(server.address, insecure);
    const call = orders.chat();
    const failed = once(call, 'error').catch((error) => error);
    call.write({ id: 'a' });
    await once(call, 'data');
    const closed = channelOf(orders).close();
    expect(() => channelOf(orders).close({ graceMs: -1 })).toThrow('options.graceMs: -1 must be');
    call.write({ id: 'b' });
    await once(call, 'data');
    await channelOf(orders).close({ graceMs: 0 });
    await closed;
    expect(await failed).toMatchObject([{ reason: 'CHANNEL_CLOSED' }]);
  });

  test('shares connections with a client of other call credentials, and not its tokens', async () => {
    const server = await secureServer();
    const tls = grpc.credentials.createSsl(ca);
    const address = `localhost:${server.port}`;
    const [one, two] = ['one', 'two'].map((text) => client(address, tls.compose(token(text))));
    for (const [orders, text] of [
      [one, 'one'],
      [two, 'two'],
      [client(address, tls), undefined],
    ] as const) {
      await get(orders!);
      expect(server.metadata.get('x-token')).toEqual(text === undefined ? [] : [text]);
    }
    expect(channelOf(one!).snapshot().pods[0]!.calls).toBe(3);
  });

  test('waits for ready until it is closed', async () => {
    const orders = client('127.0.0.1:1', insecure);
    const sharing = client('127.0.0.1:1', insecure);
    const failed = new Promise<Error | undefined>((resolve) =>
      orders.waitForReady(Number.POSITIVE_INFINITY, resolve),
    );
    // grpc-js's client begins to wait in the next turn.
    await new Promise(setImmediate);
    orders.close();
    expect((await failed)?.message).toBe('The channel has been closed');
    await expect(channelOf(orders).ready()).rejects.toMatchObject({ reason: 'CHANNEL_CLOSED' });
    expect(channelOf(sharing).getConnectivityState(false)).not.toBe(grpc.connectivityState.SHUTDOWN);
  });
});

describe('a client on a channel that exists', () => {
  test('with secure credentials is refused at once if the channel is plaintext', async () => {
    const channel = openChannel('static:///127.0.0.1:1');
    const secure = grpc.credentials.createSsl();
    for (const credentials of [secure, secure.compose(token('secret'))])
      expect(() => client('orders:443', credentials, channel)).toThrow(
        expect.objectContaining({
          name: 'InvalidInput',
          message: expect.stringMatching(
            /^credentials are secure, .*static:\/\/\/127\.0\.0\.1:1 is plaintext: .*option tls/,
          ),
        }),
      );
    expect(() => client('orders:443', secure, { ...own, tls: false })).toThrow(InvalidInput);
  });

  test('sends its call credentials over the TLS of the channel, and closes only itself', async () => {
    const server = await secureServer();
    const channel = openChannel(`static:///${server.address}`, { tls: { ca }, authority: 'orders.test' });
    const orders = client('', grpc.credentials.createSsl(ca).compose(token('composed')), channel);
    await get(orders);
    expect(server.metadata.get('x-token')).toEqual(['composed']);
    orders.close();
    const plain = createClient(OrdersConstructor as never, channel) as OrdersClient;
    await get(plain);
    expect(server.metadata.get('x-token')).toEqual([]);
  });

  test.each([
    ['a client certificate', grpc.credentials.createSsl(ca, ...clientPair)],
    ['rejectUnauthorized: false', grpc.credentials.createSsl(ca, null, null, { rejectUnauthorized: false })],
    [
      'a check of the server',
      grpc.credentials.createSsl(ca, null, null, { checkServerIdentity: () => undefined }),
    ],
  ])('is refused if its credentials bring %s and the channel has none', (what, credentials) => {
    const channel = openChannel('static:///127.0.0.1:1', { tls: { ca } });
    expect(() => client('', credentials, channel)).toThrow(
      `credentials bring ${what} that the channel to static:`,
    );
  });

  test('may be on the channel of another client, with its TLS and its call credentials', async () => {
    const server = await secureServer();
    const secure = grpc.credentials.createSsl(ca);
    const composed = grpc.credentials.combineChannelCredentials(secure, token('one'));
    const one = client(server.address, composed, own, { 'grpc.ssl_target_name_override': 'orders.test' });
    const two = client('', grpc.credentials.combineChannelCredentials(secure, token('two')), channelOf(one));
    await get(two);
    expect(server.metadata.get('x-token')).toEqual(['one, two']);
    expect(() => client('', secure, channelOf(client('orders:1', insecure)))).toThrow('is plaintext');
  });

  test('takes credentials of the same certificate, and of the same secure context', () => {
    const [key, cert] = clientPair;
    const channel = openChannel('static:///127.0.0.1:1', { tls: { ca, key, cert } });
    client('', grpc.credentials.createSsl(ca, ...clientPair), channel);
    const check = { checkServerIdentity: () => undefined };
    const credentials = grpc.credentials.createSsl(ca, null, null, check);
    const made = channelOf(client('localhost:1', credentials));
    expect(made.getTarget()).toBe('localhost:1');
  });

  test('may repeat the options of the channel, and is refused with others', () => {
    const channel = openChannel('static:///127.0.0.1:1', { keepalive: { timeMs: 20_000, timeoutMs: 1_000 } });
    client('', insecure, channel, { 'grpc.keepalive_time_ms': 20_000 });
    expect(() => client('', insecure, channel, { 'grpc.keepalive_time_ms': 30_000 })).toThrow(
      'options["grpc.keepalive_time_ms"]: 30000 cannot change the channel to static:///127.0.0.1:1: set it where',
    );
    expect(() => client('', insecure, channel, { 'grpc.nothing': 1 })).toThrow('grpc.nothing');
  });
});

test('the call credentials of a channel are sent with every call, by clients of both kinds', async () => {
  const server = await secureServer();
  const channel = openChannel(`static:///${server.address}`, {
    tls: { ca },
    authority: 'orders.test',
    callCredentials: token('channel'),
  });
  const made = createClient(OrdersConstructor as never, channel) as OrdersClient;
  const plain = new OrdersConstructor('', insecure, { channelOverride: channel }) as unknown as OrdersClient;
  for (const orders of [made, plain, client('', insecure, channel)]) {
    await get(orders, {}, new grpc.Metadata(), { credentials: token('call') });
    expect(server.metadata.get('x-token')).toEqual(['channel, call']);
    for await (const _order of orders.list({ count: 1 }));
    expect(server.metadata.get('x-token')).toEqual(['channel']);
  }
});

test.each([
  [{ callCredentials: token('x') }, 'options.callCredentials need the option tls'],
  [{ tls: true, callCredentials: 'token' }, 'options.callCredentials must be call credentials of grpc-js'],
  [{ tls: { secureContext: {} } }, 'options.tls.secureContext must be what tls.createSecureContext returns'],
  [{ tls: { checkServerIdentity: true } }, 'options.tls.checkServerIdentity: true must be a function'],
])('options %# are refused', (options, message) => {
  expect(() => createChannel('static:///127.0.0.1:1', options as never)).toThrow(message);
});
