import * as grpc from '@grpc/grpc-js';
import { type ClientClass, createClient } from 'podwire';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openChannel } from './support/channel.ts';

/** Names of the methods that grpc-js's clients have themselves, and others that objects have. */
const NAMES = [
  ...['getChannel', 'makeUnaryRequest', 'makeClientStreamRequest', 'makeServerStreamRequest'],
  ...['makeBidiStreamRequest', 'close', 'waitForReady', 'then', 'toString', 'call', 'apply', 'constructor'],
  ...['prototype', 'createCall', 'service', 'getPeer', 'emit'],
];
const KINDS = {
  unary: [false, false],
  clientStream: [true, false],
  serverStream: [false, true],
  bidi: [true, true],
} as const;
type Kind = keyof typeof KINDS;

const text = { to: (value: string) => Buffer.from(value), from: (bytes: Buffer) => bytes.toString() };

/** A service as proto-loader gives it: each method by its name in the `.proto`, and in lower camel case. */
function serviceOf(kind: Kind): grpc.ServiceDefinition {
  const [requestStream, responseStream] = KINDS[kind];
  return Object.fromEntries(
    NAMES.map((name) => {
      const proto = name[0]!.toUpperCase() + name.slice(1);
      const definition: grpc.MethodDefinition<string, string> = {
        path: `/podwire.test.Names/${proto}`,
        ...{ requestStream, responseStream, requestSerialize: text.to, requestDeserialize: text.from },
        ...{ responseSerialize: text.to, responseDeserialize: text.from, originalName: name },
      } as grpc.MethodDefinition<string, string>;
      return [proto, definition];
    }),
  );
}

async function serve(service: grpc.ServiceDefinition): Promise<string> {
  const server = new grpc.Server();
  onTestFinished(() => server.forceShutdown());
  const streams = Object.fromEntries(
    Object.entries(service).map(([name, one]) => [
      name,
      { ...one, requestStream: true, responseStream: true },
    ]),
  );
  const answer = (name: string) => (call: grpc.ServerDuplexStream<string, string>) => {
    call.on('data', (value: string) => call.write(`${name} ${value}`));
    call.on('end', () => call.end());
  };
  server.addService(streams, Object.fromEntries(Object.keys(service).map((name) => [name, answer(name)])));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return `127.0.0.1:${port}`;
}

type Client = Record<string, (...args: unknown[]) => unknown>;
type Call = grpc.ClientDuplexStream<string, string>;

/** What a method answers, or what it is when it is no RPC's. */
async function answerOf(client: Client, name: string, kind: Kind): Promise<string> {
  const [requestStream, responseStream] = KINDS[kind];
  return new Promise((resolve) => {
    const callback = (error: unknown, value?: string) => resolve(value ?? String(error));
    const args = [...(requestStream ? [] : ['a']), ...(responseStream ? [] : [callback])];
    const method = client[name];
    if ((method as { path?: string } | undefined)?.path === undefined) return resolve('none of the service');
    const call = method!.apply(client, args) as Call;
    if (responseStream) call.on('data', resolve).on('error', (error) => resolve(String(error)));
    if (requestStream) {
      call.write('a');
      call.end();
    }
  });
}

describe('an RPC may be called as a method of the client', () => {
  test.each(Object.keys(KINDS) as Kind[])('with %s calls', async (kind) => {
    const service = serviceOf(kind);
    const channel = openChannel(`static:///${await serve(service)}`);
    const Names = grpc.makeClientConstructor(service, 'Names');
    const plain = new Names('', grpc.credentials.createInsecure(), {
      channelOverride: channel as unknown as grpc.Channel,
    } as object) as unknown as Client;
    const ours = createClient(Names as unknown as ClientClass<Client>, channel);
    for (const name of NAMES.flatMap((one) => [one, one[0]!.toUpperCase() + one.slice(1)])) {
      const expected = await answerOf(plain, name, kind);
      expect([name, await answerOf(ours, name, kind)]).toEqual([name, expected]);
      if (!['constructor', 'prototype'].includes(name)) expect(expected).toMatch(/^[A-Z]\w+ a$/);
    }
  });

  test('beside calls that go the long way', async () => {
    const service = serviceOf('unary');
    const channel = openChannel(`static:///${await serve(service)}`);
    const Names = grpc.makeClientConstructor(service, 'Names');
    const ours = createClient(Names as unknown as ClientClass<Client>, channel);
    const seen: string[] = [];
    const interceptor: grpc.Interceptor = (options, next) => {
      seen.push(options.method_definition.path);
      return new grpc.InterceptingCall(next(options));
    };
    for (const name of ['getChannel', 'makeUnaryRequest']) {
      const answer = await new Promise((resolve) =>
        ours[name]!('a', { interceptors: [interceptor] }, (error: unknown, value?: string) =>
          resolve(value ?? error),
        ),
      );
      expect(answer).toBe(`${name[0]!.toUpperCase()}${name.slice(1)} a`);
    }
    expect(seen).toEqual(['/podwire.test.Names/GetChannel', '/podwire.test.Names/MakeUnaryRequest']);
  });
});
