import { once } from 'node:events';
import {
  Client,
  credentials,
  type Channel as GrpcChannel,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import { VirtualClock } from '@podwire/registry/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseOptions } from '../options/settings.ts';
import { Channel } from './channel.ts';

const bytes = (value: Buffer) => value;
const method = { requestSerialize: bytes, requestDeserialize: bytes };
const reply = { responseSerialize: bytes, responseDeserialize: bytes };
const echo = { path: '/test/Echo', requestStream: true, responseStream: true, ...method, ...reply };

/** Longer than any call takes. */
const LONG_MS = 3_600_000;

let server: Server;
let clock: VirtualClock;
let channel: Channel;
beforeEach(async () => {
  server = new Server();
  server.addService(
    { echo },
    { echo: (call: ServerDuplexStream<Buffer, Buffer>) => call.on('data', (data) => call.write(data)) },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  clock = new VirtualClock();
  const env = { clock, random: () => 0.5, afterPoll: (fn: () => void) => void setImmediate(fn) };
  // A PING would be answered in real time.
  const settings = parseOptions({ keepalive: { timeMs: 0 } });
  channel = new Channel(`static:///127.0.0.1:${port}`, settings, env, {});
  await channel.ready();
});
afterEach(async () => {
  await channel.close({ graceMs: 0 });
  server.forceShutdown();
});

/** A client, and a call of it that lasts until it is ended. */
async function underWay() {
  const channelOverride = channel as unknown as GrpcChannel;
  const client = new Client('', credentials.createInsecure(), { channelOverride });
  const call = client.makeBidiStreamRequest(echo.path, bytes, bytes);
  call.on('error', () => {});
  call.write(Buffer.from('a'));
  await once(call, 'data');
  return { client, call };
}

const echoes = async ({ call }: Awaited<ReturnType<typeof underWay>>) => {
  call.write(Buffer.from('b'));
  return String((await once(call, 'data'))[0]);
};

test("a client's close lets its calls go on for as long as they last, as grpc-js does", async () => {
  const open = await underWay();
  open.client.close();
  await clock.advance(LONG_MS);
  expect(await echoes(open)).toBe('b');
  open.call.cancel();
  await channel.close();
});

test('so does closing a channel, until it is given a limit', async () => {
  const open = await underWay();
  const closed = channel.close();
  await clock.advance(LONG_MS);
  expect(await echoes(open)).toBe('b');
  const cut = once(open.call, 'error').catch((error) => error);
  void channel.close({ graceMs: 1_000 });
  await clock.advance(1_000);
  await closed;
  expect(await cut).toMatchObject([{ reason: 'CHANNEL_CLOSED' }]);
});

test('the end of a scope does not wait for ever: calls have 5 s', async () => {
  const open = await underWay();
  const left = channel[Symbol.asyncDispose]();
  await clock.advance(4_900);
  expect(await echoes(open)).toBe('b');
  const cut = once(open.call, 'error').catch((error) => error);
  await clock.advance(100);
  await left;
  expect(await cut).toMatchObject([{ reason: 'CHANNEL_CLOSED' }]);
});
