import { spawn } from 'node:child_process';
import { getDefaultHighWaterMark, type Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { createChannel, createClient, type PodwireChannel } from 'podwire';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { liveBytes } from './http2/hostile-peer.ts';
import { until } from './support/until.ts';

const PODS = 20;
const KIB = 1024;
const MIB = 1024 * KIB;

/** What Node buffers of each of its streams, twice: from 16 KiB in Node 20 to 64 KiB in Node 22. Ours are not Node's. */
const OF_NODE = { http2: 0, 'node-http2': 2 * (getDefaultHighWaterMark(false) - 16 * KIB) };

const bytes = (value: Buffer) => value;
const Streams = grpc.makeGenericClientConstructor(
  {
    list: {
      path: '/podwire.test.Endless/List',
      requestStream: false,
      responseStream: true,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  },
  'podwire.test.Endless',
) as unknown as new (
  address: string,
  credentials: grpc.ChannelCredentials,
  options?: grpc.ClientOptions,
) => StreamsClient;
interface StreamsClient extends grpc.Client {
  list(message: Buffer, metadata: grpc.Metadata): grpc.ClientReadableStream<Buffer>;
}

let ports: number[];
let stop: () => void;
beforeAll(async () => {
  const path = fileURLToPath(new URL('support/endless-pod.mjs', import.meta.url));
  const child = spawn(process.execPath, [path, String(PODS)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.endsWith('\n'));
  ports = JSON.parse(text) as number[];
  stop = () => child.kill();
});
afterAll(() => stop());

const CLIENTS: Readonly<Record<string, (channel: PodwireChannel) => StreamsClient>> = {
  'a generated client': (channel) =>
    new Streams('', grpc.credentials.createInsecure(), { channelOverride: channel as grpc.Channel }),
  createClient: (channel) => createClient(Streams, channel),
};
const cases = (['http2', 'node-http2'] as const).flatMap((transport) =>
  Object.keys(CLIENTS).map((client) => ({ transport, client })),
);

/** What the process holds more than before, once no more comes. */
async function settledGrowth(before: number): Promise<number> {
  let last = Number.NaN;
  let now = 0;
  await expect
    .poll(
      () => {
        last = now;
        now = liveBytes() - before;
        return Math.abs(now - last);
      },
      { interval: 500, timeout: 25_000 },
    )
    .toBeLessThan(MIB / 4);
  return now;
}

/** Reads so many messages. */
const read = (stream: Readable, count: number) =>
  new Promise<void>((resolve) => {
    let left = count;
    stream.on('data', () => {
      left -= 1;
      if (left > 0) return;
      stream.pause();
      resolve();
    });
  });

describe.each(cases)(
  '$client over $transport',
  ({ transport, client: kind }) => {
    let channel: PodwireChannel;
    let client: StreamsClient;
    const open = async (pods: number) => {
      channel = createChannel(`static:///${ports.slice(0, pods).map((port) => `127.0.0.1:${port}`)}`, {
        transport,
        policy: 'round_robin',
      });
      await channel.ready();
      client = CLIENTS[kind]!(channel);
    };
    afterEach(() => channel.close({ graceMs: 0 }));

    const call = (messageBytes: number) => {
      const metadata = new grpc.Metadata();
      metadata.set('x-bytes', String(messageBytes));
      const stream = client.list(Buffer.alloc(1), metadata) as grpc.ClientReadableStream<Buffer> & Readable;
      stream.on('error', () => {});
      return stream;
    };
    test('200 streams whose readers are stuck hold what their clients take, and the others go on', async () => {
      await open(1);
      const before = liveBytes();
      const stuck = Array.from({ length: 200 }, () => call(64 * KIB));
      await Promise.all(stuck.map((stream) => read(stream, 1)));
      // A generated client takes 16 messages of a stream whether they are read or not; ours takes 256 KiB.
      const taken = kind === 'createClient' ? 256 * KIB : MIB;
      expect(await settledGrowth(before)).toBeLessThan(200 * (taken + 100 * KIB + OF_NODE[transport]));
      await read(call(MIB), 8);
    });

    test('the same after all of them were read for a while', async () => {
      await open(1);
      const before = liveBytes();
      const long = call(MIB);
      await read(long, 4);
      const stuck = Array.from({ length: 200 }, () => call(16 * KIB));
      await Promise.all(stuck.map((stream) => read(stream, 50)));
      expect(await settledGrowth(before)).toBeLessThan(110 * MIB + 200 * OF_NODE[transport]);
      await read(call(MIB), 8);
    });

    test('a thousand on twenty connections', async () => {
      await open(PODS);
      const before = liveBytes();
      const stuck = Array.from({ length: 1_000 }, () => call(2 * KIB));
      await Promise.all(stuck.map((stream) => read(stream, 1)));
      expect(await settledGrowth(before)).toBeLessThan(180 * MIB + 1_000 * OF_NODE[transport]);
      await Promise.all(Array.from({ length: PODS }, () => read(call(MIB), 8)));
    });
  },
  90_000,
);

test('a client of createClient asks for no more messages of a megabyte than it gives away', async () => {
  const channel = createChannel(`static:///127.0.0.1:${ports[0]}`);
  await channel.ready();
  const client = createClient(Streams, channel);
  const before = liveBytes();
  const stuck = Array.from({ length: 100 }, () => {
    const metadata = new grpc.Metadata();
    metadata.set('x-bytes', String(MIB));
    return client.list(Buffer.alloc(1), metadata).on('error', () => {});
  });
  await Promise.all(stuck.map((stream) => read(stream, 1)));
  expect(await settledGrowth(before)).toBeLessThan(2 * 120 * MIB);
  await channel.close({ graceMs: 0 });
}, 90_000);
