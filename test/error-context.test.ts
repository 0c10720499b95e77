import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, type ClientClass, createClient, type PodwireChannel } from 'podwire';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { failure } from './support/orders-fixture.ts';
import { scriptService, startScriptServer } from './support/script-server.ts';

const Script = grpc.makeClientConstructor(scriptService, 'Script');
type Client = Record<string, (...args: unknown[]) => grpc.ClientDuplexStream<string, string>>;
const CLIENTS = {
  generated: (channel: PodwireChannel) =>
    new Script('', grpc.credentials.createInsecure(), { channelOverride: channel } as object),
  createClient: (channel: PodwireChannel) => createClient(Script as unknown as ClientClass<Client>, channel),
} as unknown as Record<'generated' | 'createClient', (channel: PodwireChannel) => Client>;
type ClientKind = keyof typeof CLIENTS;

interface Context {
  readonly service?: string;
  readonly pods?: readonly string[];
  readonly elapsedMs?: number;
  readonly reason?: string;
}
type Failure = grpc.ServiceError & Context;
interface Ended {
  readonly error: Failure;
  readonly status: grpc.StatusObject & Context;
}
interface HowToEnd {
  readonly script: string;
  readonly kind: keyof typeof scriptService;
  readonly options?: grpc.CallOptions;
  readonly message?: string;
  readonly act?: (call: grpc.ClientDuplexStream<string, string>) => void;
}

/** Error and status of a call that fails. */
function fail(client: Client, { script, kind, options = {}, message = 'm', act }: HowToEnd): Promise<Ended> {
  return new Promise((resolve) => {
    const { requestStream, responseStream } = scriptService[kind];
    const metadata = new grpc.Metadata();
    metadata.set('script', script);
    let error: Failure;
    const onError = (given: unknown) => {
      error = given as Failure;
    };
    const args = [
      ...(requestStream ? [] : [message]),
      metadata,
      options,
      ...(responseStream ? [] : [onError]),
    ];
    const call = client[kind]!(...args);
    // grpc-js tells a stream's error before its status, or after it.
    call.on('status', (status) => setImmediate(() => resolve({ error, status })));
    if (responseStream) call.on('error', onError).on('data', () => {});
    if (requestStream) {
      call.write(message);
      call.end();
    }
    act?.(call);
  });
}

const KINDS = Object.keys(scriptService) as (keyof typeof scriptService)[];
const matrix = (['http2', 'node-http2'] as const).flatMap((transport) =>
  (Object.keys(CLIENTS) as ClientKind[]).flatMap((client) =>
    KINDS.map((kind) => [transport, client, kind] as const),
  ),
);

async function openScript(clientKind: ClientKind, options: ChannelOptions): Promise<[Client, string]> {
  const { address, stop } = await startScriptServer();
  onTestFinished(() => stop());
  const channel = openChannel(`static:///${address}`, { name: 'scripts', ...options });
  await channel.ready();
  return [CLIENTS[clientKind](channel), address];
}

function expectContext({ error, status }: Ended, pods: readonly string[]): void {
  const context = { service: 'scripts', pods, elapsedMs: expect.any(Number) };
  expect(error).toMatchObject(context);
  expect(status).toMatchObject(context);
  expect(error.elapsedMs).toBeGreaterThanOrEqual(0);
  expect(error.elapsedMs).toBeLessThan(30_000);
}

describe.each(matrix)(
  'over %s, %s, %s: an error says service, Pods and time',
  (transport, clientKind, kind) => {
    test('of the server, which reaches the caller as sent', async () => {
      const [client, address] = await openScript(clientKind, { transport });
      const ended = await fail(client, { kind, script: 'read|fail 5 not here' });
      expectContext(ended, [address]);
      for (const one of [ended.error, ended.status]) {
        expect(one).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'not here' });
        expect(one.metadata.get('why')).toEqual(['script']);
        expect('reason' in one).toBe(false);
      }
      expect(ended.error.message).toBe('5 NOT_FOUND: not here');
    });

    test('of a server that gave up before the deadline', async () => {
      const [client, address] = await openScript(clientKind, { transport });
      const options = { deadline: Date.now() + 60_000 };
      const ended = await fail(client, { kind, options, script: 'read|fail 4 too slow' });
      expectContext(ended, [address]);
      expect(ended.error).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED, details: 'too slow' });
      expect(ended.error.reason).toBeUndefined();
    });

    test('of a deadline, whether the client or the server sees it first', async () => {
      const [client, address] = await openScript(clientKind, { transport });
      for (let i = 0; i < 3; i++) {
        const ended = await fail(client, { kind, options: { deadline: Date.now() + 300 }, script: 'hang' });
        expectContext(ended, [address]);
        expect(ended.error).toMatchObject({
          code: grpc.status.DEADLINE_EXCEEDED,
          reason: 'DEADLINE_EXCEEDED',
        });
      }
    });

    test('of a caller that cancels', async () => {
      const [client, address] = await openScript(clientKind, { transport });
      const act = (call: { cancel(): void }) => setTimeout(() => call.cancel(), 20);
      const ended = await fail(client, { kind, script: 'hang', act });
      expectContext(ended, [address]);
      expect(ended.error).toMatchObject({ code: grpc.status.CANCELLED, reason: 'CANCELLED' });
    });

    test('of a message that cannot be serialized', async () => {
      const [client] = await openScript(clientKind, { transport });
      const ended = await fail(client, { kind, script: 'hang', message: 'unserializable' });
      expect(ended.error).toMatchObject({ code: grpc.status.INTERNAL, service: 'scripts' });
      expectContext(ended, ended.error.pods!);
      expect(ended.error.reason).toBeUndefined();
    });

    test('of a reply that cannot be used, where podwire reads it', async () => {
      const [client, address] = await openScript(clientKind, { transport });
      const ended = await fail(client, { kind, script: 'read|send unparsable' });
      expect(ended.error).toMatchObject({ code: grpc.status.INTERNAL });
      if (clientKind === 'createClient') expectContext(ended, [address]);
      if (scriptService[kind].responseStream) return;
      const none = await fail(client, { kind, script: 'read' });
      expect(none.error).toMatchObject({ code: grpc.status.UNIMPLEMENTED, details: 'No message received' });
      if (clientKind === 'createClient')
        expect(none.error).toMatchObject({
          service: 'scripts',
          pods: [address],
          elapsedMs: expect.any(Number),
        });
    });

    test('of a Pod that cannot be reached, which is not called untried', async () => {
      const channel = openChannel('static:///127.0.0.1:1', { transport, name: 'scripts' });
      const ended = await fail(CLIENTS[clientKind](channel), { kind, script: 'hang' });
      expectContext(ended, []);
      expect(ended.error.details).toContain('127.0.0.1:1: connect ECONNREFUSED');
      expect(ended.error.details).toMatch(
        /\[scripts \/podwire\.test\.Script\/\w+; sent to no Pod; \d+ ms\]$/,
      );
    });
  },
);

/** A server that answers with these header blocks, and its address. */
async function answering(headers: Record<string, string>, trailers: Record<string, string> | undefined) {
  let calls = 0;
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    calls += 1;
    stream.on('error', () => {});
    if (trailers === undefined) return stream.respond({ ':status': 200, ...headers }, { endStream: true });
    stream.respond({ ':status': 200, ...headers }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(Buffer.alloc(5));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close() as unknown as undefined);
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, calls: () => calls };
}

const raw = (value: Buffer) => value;
function unary(channel: grpc.ChannelInterface): Promise<Buffer> {
  const client = new grpc.Client('', grpc.credentials.createInsecure(), {
    channelOverride: channel as grpc.Channel,
  });
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest('/a.B/C', raw, raw, Buffer.alloc(0), (error, reply) =>
      error === null ? resolve(reply!) : reject(error),
    );
  });
}

test('of a call that was hedged, Pods whose answer was still to come are named as well', async () => {
  const servers = [await startScriptServer(), await startScriptServer()];
  for (const { stop } of servers) onTestFinished(() => stop());
  const hedgingPolicy = { maxAttempts: 2, hedgingDelay: '0s', nonFatalStatusCodes: [] };
  const channel = openChannel(`static:///${servers.map(({ address }) => address).join()}`, {
    serviceConfig: { methodConfig: [{ name: [{}], hedgingPolicy }] },
  });
  await channel.ready();
  const options = { deadline: Date.now() + 500 };
  const { error } = await fail(CLIENTS.generated(channel), { kind: 'unary', script: 'hang', options });
  expect(error.pods?.toSorted()).toEqual(servers.map(({ address }) => address).toSorted());
  expect(error.reason).toBe('DEADLINE_EXCEEDED');
});

const GRPC = { 'content-type': 'application/grpc' };

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  test.each([
    ['17', 17],
    ['99', 99],
    ['2147', 2147],
    ['05', 5],
    ['x', grpc.status.UNKNOWN],
    ['-1', grpc.status.UNKNOWN],
    ['0x5', grpc.status.UNKNOWN],
    ['', grpc.status.UNKNOWN],
  ])('grpc-status %j reaches the caller as %i', async (text, code) => {
    for (const inTrailers of [true, false]) {
      const trailers = { 'grpc-status': text, 'grpc-message': 'odd' };
      const server = inTrailers
        ? await answering(GRPC, trailers)
        : await answering({ ...GRPC, ...trailers }, undefined);
      // A retry policy sees the same code.
      const retryPolicy = {
        ...{ maxAttempts: 2, initialBackoff: '0.001s', maxBackoff: '0.001s', backoffMultiplier: 1 },
        retryableStatusCodes: ['UNKNOWN'],
      };
      const serviceConfig = { methodConfig: [{ name: [{}], retryPolicy }] };
      const channel = openChannel(`static:///${server.address}`, { transport, serviceConfig });
      const error = await failure(unary(channel));
      expect(error.code).toBe(code);
      expect(error.details).toContain('odd');
      if (code > 16) expect(error.message).toMatch(new RegExp(`^${code}\\b.*: odd$`));
      expect(server.calls()).toBe(!inTrailers && code === grpc.status.UNKNOWN ? 2 : 1);
    }
  });

  test.each([
    'application/grpc',
    'Application/gRPC',
    'APPLICATION/GRPC+PROTO',
    'application/grpc+json',
    'application/grpc;charset=utf-8',
    'application/grpc ; a=b',
    'application/grpc+proto; a="b"',
  ])('content-type %s is gRPC', async (type) => {
    const server = await answering({ 'content-type': type }, { 'grpc-status': '0' });
    await unary(openChannel(`static:///${server.address}`, { transport }));
  });

  test.each([
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpcx',
    'text/application/grpc',
  ])('content-type %s is not', async (type) => {
    const server = await answering({ 'content-type': type }, { 'grpc-status': '0' });
    const error = await failure(unary(openChannel(`static:///${server.address}`, { transport })));
    expect(error).toMatchObject({ code: grpc.status.UNKNOWN, reason: 'NOT_GRPC' });
    expect(error.details).toContain(`content-type "${type}" instead of a gRPC reply`);
  });
});
