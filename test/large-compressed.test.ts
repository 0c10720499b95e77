import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, createChannel, createClient, type PodwireChannel } from 'podwire';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from './support/until.ts';

const MIB = 1024 * 1024;

const bytes = (value: Buffer) => value;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/podwire.test.Raw/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const Raw = grpc.makeGenericClientConstructor(
  {
    unary: method('Unary', false, false),
    collect: method('Collect', true, false),
    list: method('List', false, true),
    chat: method('Chat', true, true),
  },
  'podwire.test.Raw',
) as unknown as new (
  address: string,
  credentials: grpc.ChannelCredentials,
  options?: grpc.ClientOptions,
) => RawClient;
type Callback = (error: grpc.ServiceError | null, message?: Buffer) => void;
interface RawClient extends grpc.Client {
  unary(message: Buffer, metadata: grpc.Metadata, callback: Callback): grpc.ClientUnaryCall;
  collect(metadata: grpc.Metadata, callback: Callback): grpc.ClientWritableStream<Buffer>;
  list(message: Buffer, metadata: grpc.Metadata): grpc.ClientReadableStream<Buffer>;
  chat(metadata: grpc.Metadata): grpc.ClientDuplexStream<Buffer, Buffer>;
}

let port: number;
let stop: () => void;
beforeAll(async () => {
  const path = fileURLToPath(new URL('support/raw-echo-pod.mjs', import.meta.url));
  const child = spawn(process.execPath, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.endsWith('\n'));
  port = Number(text);
  stop = () => child.kill();
});
afterAll(() => stop());

const CLIENTS: Readonly<Record<string, (channel: PodwireChannel) => RawClient>> = {
  'a generated client': (channel) =>
    new Raw('', grpc.credentials.createInsecure(), { channelOverride: channel as grpc.Channel }),
  createClient: (channel) => createClient(Raw, channel),
};
const cases = (['http2', 'node-http2'] as const).flatMap((transport) =>
  Object.keys(CLIENTS).map((client) => ({
    transport,
    client,
    compression: client === 'createClient' ? ('gzip' as const) : ('deflate' as const),
  })),
);

/** Compresses to three quarters, slowly. */
const text = (count: number) => Buffer.from(randomBytes(Math.ceil((count * 3) / 4)).toString('base64'));
const LARGE = text(16 * MIB);

/** How long the event loop did nothing else at a time while `work` went on. */
async function longestStallMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let lastMs = performance.now();
  let running = true;
  const look = () => {
    const nowMs = performance.now();
    longest = Math.max(longest, nowMs - lastMs);
    lastMs = nowMs;
    if (running) setImmediate(look);
  };
  setImmediate(look);
  await work();
  running = false;
  look();
  return longest;
}

describe.each(cases)(
  '$client over $transport with $compression',
  ({ transport, client: kind, compression }) => {
    let channel: PodwireChannel;
    let client: RawClient;
    const open = (options: ChannelOptions = {}) => {
      channel = createChannel(`static:///127.0.0.1:${port}`, {
        transport,
        compression,
        maxReceiveBytes: -1,
        ...options,
      });
      client = CLIENTS[kind]!(channel);
      return channel.ready();
    };
    afterEach(() => channel.close({ graceMs: 0 }));
    const status = (code: number) => {
      const metadata = new grpc.Metadata();
      metadata.set('x-status', String(code));
      return metadata;
    };
    const replied = (start: (callback: Callback) => unknown) =>
      new Promise<Buffer>((resolve, reject) => {
        start((error, message) => (error === null ? resolve(message!) : reject(error)));
      });
    const read = async (stream: AsyncIterable<Buffer>, into: Buffer[] = []) => {
      for await (const message of stream) into.push(message);
      return into;
    };

    test('16 MB each way leave the event loop free, in every kind of call', async () => {
      await open();
      let startedMs = performance.now();
      gzipSync(LARGE);
      const atOnceMs = performance.now() - startedMs;
      const results: Buffer[] = [];
      const stallMs = await longestStallMs(async () => {
        results.push(await replied((done) => client.unary(LARGE, status(0), done)));
        results.push(
          await replied((done) => {
            const call = client.collect(status(0), done);
            call.write(LARGE);
            call.end();
          }),
        );
        results.push(...(await read(client.list(LARGE, status(0)))));
        const chat = client.chat(status(0));
        chat.write(LARGE);
        chat.end();
        results.push(...(await read(chat)));
      });
      startedMs = performance.now();
      expect(results.map((one) => one.equals(LARGE))).toEqual([true, true, true, true]);
      expect(stallMs).toBeLessThan(atOnceMs / 2);
    });

    test('nothing overtakes a large message, neither there nor back', async () => {
      await open();
      const sizes = [1, 400_000, 5, 0, 200_000, 70_000, 3, 100, 900_000, 2];
      const sent = sizes.map((size, i) => Buffer.concat([Buffer.from([i]), text(size).subarray(0, size)]));
      const chat = client.chat(status(0));
      for (const message of sent) chat.write(message);
      chat.end();
      const got = await read(chat);
      expect(got.map((one) => one[0])).toEqual(sent.map((one) => one[0]));
      expect(got.every((one, i) => one.equals(sent[i]!))).toBe(true);
    });

    test('a status behind a large message is told behind it', async () => {
      await open();
      const got: Buffer[] = [];
      await expect(read(client.list(LARGE.subarray(0, MIB), status(9)), got)).rejects.toMatchObject({
        code: 9,
      });
      expect(got.map(({ length }) => length)).toEqual([MIB]);
    });

    test('what inflates to more than is allowed is refused', async () => {
      await open({ maxReceiveBytes: MIB });
      for (const message of [LARGE.subarray(0, 2 * MIB), Buffer.alloc(64 * MIB)])
        await expect(replied((done) => client.unary(message, status(0), done))).rejects.toMatchObject({
          code: grpc.status.RESOURCE_EXHAUSTED,
          reason: 'MESSAGE_TOO_LARGE',
        });
    });

    test('a call is cancelled while its messages are compressed, and others go on', async () => {
      await open();
      const calls = Array.from({ length: 6 }, () => {
        let call: grpc.ClientUnaryCall;
        const done = replied((callback) => {
          call = client.unary(LARGE, status(0), callback);
        });
        call!.cancel();
        return done;
      });
      for (const one of calls) await expect(one).rejects.toMatchObject({ code: grpc.status.CANCELLED });
      const small = LARGE.subarray(0, 100_000);
      expect((await replied((done) => client.unary(small, status(0), done))).equals(small)).toBe(true);
    });
  },
  120_000,
);
