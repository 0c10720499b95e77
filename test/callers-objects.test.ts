import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, createClient } from 'podwire';
import { describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type OrdersClient, OrdersConstructor, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, openOrdersServer } from './support/orders-server.ts';

const certs = fileURLToPath(new URL('certs/', import.meta.url));
const file = (name: string) => join(certs, name);

async function startTls(): Promise<OrdersServer> {
  const pair = {
    cert_chain: readFileSync(file('server-one.pem')),
    private_key: readFileSync(file('server-one.key')),
  };
  const credentials = grpc.ServerCredentials.createSsl(readFileSync(file('ca-one.pem')), [pair], false);
  return openOrdersServer({ credentials });
}

const CLIENTS = {
  generated: ordersClient,
  createClient: (channel: ReturnType<typeof openChannel>) =>
    createClient(OrdersConstructor as never, channel) as OrdersClient,
};
type ClientKind = keyof typeof CLIENTS;
type Kind = 'unary' | 'clientStream' | 'serverStream' | 'bidi';

/** Starts a call at once; resolves when it is over. Streams are ended a turn later: until then they wait for messages. */
function call(client: OrdersClient, kind: Kind, metadata: grpc.Metadata, options: grpc.CallOptions) {
  if (kind === 'unary') return get(client, {}, metadata, options);
  if (kind === 'serverStream') return once(client.list({}, metadata, options).resume(), 'status');
  if (kind === 'clientStream')
    return new Promise((resolve) => {
      const stream = client.collect(metadata, options, resolve);
      setImmediate(() => stream.end());
    });
  const stream = client.chat(metadata, options);
  setImmediate(() => stream.end());
  return once(stream.resume(), 'status');
}

const kinds: Kind[] = ['unary', 'clientStream', 'serverStream', 'bidi'];
const matrix = (['http2', 'node-http2'] as const).flatMap((transport) =>
  (Object.keys(CLIENTS) as ClientKind[]).flatMap((client) =>
    kinds.map((kind) => [transport, client, kind] as const),
  ),
);

interface ServerCall {
  readonly metadata: grpc.Metadata;
  getDeadline(): grpc.Deadline;
}
const headerOf = (name: string) => (one: ServerCall) => String(one.metadata.get(name)[0]);

/** What the server saw of every call, in the order in which it was called. */
function record(server: OrdersServer, look: (one: ServerCall) => string): string[] {
  const seen: string[] = [];
  const { server: real } = server as unknown as {
    server: { handlers: Map<string, { func(call: ServerCall, reply: unknown): void }> };
  };
  for (const handler of real.handlers.values()) {
    const { func } = handler;
    handler.func = (one, reply) => {
      seen.push(look(one));
      func(one, reply);
    };
  }
  return seen;
}

describe.each(matrix)('over %s, %s, %s', (transport, clientKind, kind) => {
  const open = (server: OrdersServer, options: ChannelOptions = {}) =>
    CLIENTS[clientKind](openChannel(`static:///${server.address}`, { transport, ...options }));
  const metadata = new grpc.Metadata();
  const ids = ['1', '2', '3', '4', '5'];
  const callAll = (
    client: OrdersClient,
    optionsOf: (id: string) => grpc.CallOptions = () => ({}),
    of: readonly string[] = ids,
  ) =>
    of.map((id) => {
      metadata.set('x-id', id);
      const calls = call(client, kind, metadata, optionsOf(id));
      metadata.remove('x-id');
      return calls;
    });

  test('metadata changed for the next call are not on this one: credentials that take their time', async () => {
    const server = await startTls();
    const seen = record(server, headerOf('x-id'));
    const sent = record(server, headerOf('authorization'));
    const released: (() => void)[] = [];
    const credentials = grpc.credentials.createFromMetadataGenerator((_, callback) => {
      const added = new grpc.Metadata();
      added.set('authorization', String(released.length + 1));
      released.push(() => callback(null, added));
    });
    const tls = { caFile: file('ca-one.pem') };
    const client = open(server, { tls, authority: 'orders.test' });
    const calls = callAll(client, () => ({ credentials }));
    await expect.poll(() => released.length).toBe(5);
    for (const release of released) release();
    await Promise.all(calls);
    expect(seen.toSorted()).toEqual(ids);
    expect(sent.toSorted()).toEqual(ids);
  });

  test('nor are they while it waits for a Pod', async () => {
    const server = await openOrdersServer();
    const seen = record(server, headerOf('x-id'));
    // The channel does not connect before it was asked to.
    await Promise.all(callAll(open(server)));
    expect(seen.toSorted()).toEqual(ids);
  });

  test.each([
    ['a header', { header: 'x-id' }],
    ['a function', ({ metadata: given }: { metadata: grpc.Metadata }) => String(given.get('x-id')[0])],
  ])('the key that chooses the Pod is the one at the start, from %s', async (_, hashKey) => {
    const servers = await Promise.all([1, 2, 3, 4].map(startTls));
    const seen = servers.map((server) => record(server, headerOf('x-id')));
    const target = `static:///${servers.map(({ address }) => address).join()}`;
    const tls = { caFile: file('ca-one.pem') };
    const channel = openChannel(target, {
      ...{ transport, tls, hashKey, policy: 'ring_hash', authority: 'orders.test' },
    });
    const client = CLIENTS[clientKind](channel);
    const credentials = grpc.credentials.createFromMetadataGenerator((_info, callback) =>
      setImmediate(() => callback(null, new grpc.Metadata())),
    );
    // Of so many, no two runs in a lifetime have all on one Pod: where they fall depends on the servers' ports.
    const keys = Array.from({ length: 30 }, (_, i) => String(i));
    for (const options of [{}, { credentials }]) await Promise.all(callAll(client, () => options, keys));
    expect(seen.flat().toSorted()).toEqual([...keys, ...keys].toSorted());
    // Both calls of a key on one Pod, and not all keys on the same.
    for (const on of seen) for (const id of on) expect(on.filter((one) => one === id)).toHaveLength(2);
    expect(seen.filter((on) => on.length > 0).length).toBeGreaterThan(1);
  });

  test('the Pod that a call names is the one that it named', async () => {
    const servers = await Promise.all([1, 2, 3].map(() => openOrdersServer()));
    const channel = openChannel(`static:///${servers.map(({ address }) => address).join()}`, { transport });
    const client = CLIENTS[clientKind](channel);
    const given = new grpc.Metadata();
    const calls = servers.map(({ address }) => {
      given.set('podwire-pod', address);
      return call(client, kind, given, {});
    });
    given.set('podwire-pod', '127.0.0.1:1');
    await Promise.all(calls);
    expect(servers.map((server) => server.calls)).toEqual([1, 1, 1]);
  });

  test('options of a call, used again for the next', async () => {
    const server = await openOrdersServer();
    const startedMs = Date.now();
    const seen = record(server, (one) =>
      String(Math.round((Number(one.getDeadline()) - startedMs) / 100_000)),
    );
    const client = open(server);
    const deadline = new Date(startedMs + 100_000);
    const options: grpc.CallOptions = { deadline };
    const calls = [call(client, kind, new grpc.Metadata(), options)];
    deadline.setTime(startedMs + 500_000);
    calls.push(call(client, kind, new grpc.Metadata(), options));
    delete options.deadline;
    calls.push(call(client, kind, new grpc.Metadata(), options));
    await Promise.all(calls);
    expect(seen.toSorted()).toEqual(['1', '5', 'Infinity']);
  });
});
