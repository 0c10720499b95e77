import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Health } from './health.ts';
import { decodeRequest } from './health-wire.ts';

/** As gRPC's own package defines it, by the .proto. */
const Client = grpc.makeGenericClientConstructor(service as unknown as grpc.ServiceDefinition, 'Health');
let server: grpc.Server;
let health: Health;
let client: InstanceType<typeof Client>;

beforeEach(async () => {
  server = new grpc.Server();
  health = new Health();
  health.addTo(server);
  const insecure = grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', insecure, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
});
afterEach(() => {
  client.close();
  server.forceShutdown();
});

function ask(method: string, request: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client[method]!(request, (error: Error | null, reply: unknown) =>
      error ? reject(error) : resolve(reply),
    );
  });
}

const ENDED = { code: grpc.status.UNAVAILABLE, details: 'The server is shutting down.' };
const watch = (service: string) => client.watch!({ service }) as grpc.ClientReadableStream<unknown>;

describe("to gRPC's own clients the health service", () => {
  test.each(['', 'shop.Orders', 'ü'.repeat(100)])('tells the health of %j', async (name) => {
    await expect(ask('check', { service: name })).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
    health.set(name, 'NOT_SERVING');
    expect(await ask('check', { service: name })).toEqual({ status: 'NOT_SERVING' });
    health.set(name, 'SERVING');
    expect(await ask('check', { service: name })).toEqual({ status: 'SERVING' });
  });

  test('lists up to a hundred services', async () => {
    const names = Array.from({ length: 100 }, (_, i) => 'x'.repeat(2 * i));
    for (const name of names) health.set(name, 'SERVING');
    const statuses = Object.fromEntries(names.map((name) => [name, { status: 'SERVING' }]));
    expect(await ask('list', {})).toEqual({ statuses });
    health.set('one more', 'SERVING');
    await expect(ask('list', {})).rejects.toMatchObject({ code: grpc.status.RESOURCE_EXHAUSTED });
  });

  test('tells watching clients of each change, once', async () => {
    const call = watch('orders');
    const seen: unknown[] = [];
    for await (const reply of call) {
      seen.push(reply);
      if (seen.length === 1) health.set('orders', 'SERVING');
      else if (seen.length === 2) {
        for (const status of ['SERVING', 'SERVING', 'NOT_SERVING'] as const) health.set('orders', status);
      } else break;
    }
    call.on('error', () => {}).cancel();
    const told = ['SERVICE_UNKNOWN', 'SERVING', 'NOT_SERVING'];
    expect(seen).toEqual(told.map((status) => ({ status })));
  });

  test('ends its watches when the server stops, so that it can', async () => {
    const calls = ['', 'unknown'].map(watch);
    await Promise.all(calls.map((call) => once(call, 'data')));
    const stopped = new Promise((resolve) => server.tryShutdown(resolve));
    const ends = calls.map((call) => once(call, 'error'));
    health.endWatches();
    for (const [error] of await Promise.all(ends)) expect(error).toMatchObject(ENDED);
    expect(await stopped).toBeUndefined();
  });

  test('a watch that comes late hears the status, and ends', async () => {
    health.set('', 'NOT_SERVING');
    health.endWatches();
    const late = watch('');
    const end = once(late, 'error');
    expect(await once(late, 'data')).toEqual([{ status: 'NOT_SERVING' }]);
    expect((await end)[0]).toMatchObject(ENDED);
  });
});

test('a request may have fields that are not known, and must not end within one', () => {
  // Fields 2 to 4 as a number, 8 bytes and 4 bytes; field 1 twice, of which the last counts.
  const known = '0a01610a0162';
  const unknown = '10ffffffffffffffffff01' + '190102030405060708' + '2501020304';
  expect(decodeRequest(Buffer.from(`${unknown}${known}`, 'hex'))).toEqual({ service: 'b' });
  for (const broken of ['0a', '0a0561', '10ff', '1901', '0b', '0affffffffffffffffffff01'])
    expect(() => decodeRequest(Buffer.from(broken, 'hex'))).toThrow();
});
