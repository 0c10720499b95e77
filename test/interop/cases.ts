import { Metadata, status as Status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { call, collect, type InteropClient, interopClient, type Reply } from './client.ts';
import { compressionCases } from './compression.ts';
import { orcaCases } from './orca.ts';
import { output, REQUEST_SIZES, RESPONSE_SIZES, zeros } from './payloads.ts';
import type { InteropCase } from './peer.ts';
import { soakCases } from './soak.ts';
import { countingProxy } from './wire.ts';

/** How long `long_lived_channel` lets its channel rest between two calls; an hour by the description. */
const REST_MS = Number(process.env.PODWIRE_LONG_LIVED_MS ?? 300);

async function largeUnary(client: InteropClient): Promise<void> {
  const reply = await call<Reply>(client, 'unaryCall', { responseSize: 314_159, payload: zeros(271_828) });
  expect(reply.payload.body.equals(Buffer.alloc(314_159))).toBe(true);
}

async function pingPong(client: InteropClient): Promise<void> {
  const stream = client.fullDuplexCall();
  const done = collect(stream, (_reply, count) => {
    if (count === REQUEST_SIZES.length) stream.end();
    else stream.write(output(RESPONSE_SIZES[count]!, REQUEST_SIZES[count]));
  });
  stream.write(output(RESPONSE_SIZES[0]!, REQUEST_SIZES[0]));
  const { sizes, status } = await done;
  expect(status.code).toBe(Status.OK);
  expect(sizes).toEqual(RESPONSE_SIZES);
}

/** Every case that needs no cloud, by its name. */
export const interopCases: Readonly<Record<string, InteropCase>> = {
  async empty_unary({ client }) {
    expect(await call(client, 'emptyCall', {})).toEqual({});
  },

  async cacheable_unary({ client }) {
    const metadata = new Metadata();
    metadata.set('x-user-ip', '1.2.3.4');
    const request = {
      responseSize: 1,
      payload: { type: 0, body: Buffer.from(`${process.hrtime.bigint()}`) },
    };
    const [first, second] = [
      await call<Reply>(client, 'cacheableUnaryCall', request, metadata),
      await call<Reply>(client, 'cacheableUnaryCall', request, metadata),
    ];
    expect(second).toEqual(first);
  },

  large_unary: ({ client }) => largeUnary(client),

  async concurrent_large_unary({ client }) {
    await Promise.all(Array.from({ length: 1_000 }, () => largeUnary(client)));
  },

  async long_lived_channel({ client }) {
    for (let i = 0; i < 3; i++) {
      if (i > 0) await new Promise((resolve) => setTimeout(resolve, REST_MS));
      await largeUnary(client);
    }
  },

  /** The description asks the server for its id. Here the connection tells which server answered. */
  async pick_first_unary({ address, open }) {
    const proxies = [await countingProxy(address), await countingProxy(address)];
    const channel = open(
      { policy: 'pick_first' },
      proxies.map((proxy) => proxy.address),
    );
    const client = interopClient(channel);
    for (let i = 0; i < 100; i++) await call(client, 'unaryCall', { responseSize: 1, payload: zeros(1) });
    await channel.close();
    for (const proxy of proxies) await proxy.close();
    expect(proxies.map(({ connections }) => connections)).toContain(0);
  },

  client_streaming({ client }) {
    return new Promise((resolve, reject) => {
      const stream = client.streamingInputCall((error, reply) => {
        if (error !== null) return reject(error);
        expect(reply!.aggregatedPayloadSize).toBe(74_922);
        resolve();
      });
      for (const size of REQUEST_SIZES) stream.write({ payload: zeros(size) });
      stream.end();
    });
  },

  async server_streaming({ client }) {
    const request = { responseParameters: RESPONSE_SIZES.map((size) => ({ size })) };
    const { sizes, status } = await collect(client.streamingOutputCall(request));
    expect(status.code).toBe(Status.OK);
    expect(sizes).toEqual(RESPONSE_SIZES);
  },

  ping_pong: ({ client }) => pingPong(client),

  async empty_stream({ client }) {
    const stream = client.fullDuplexCall();
    const done = collect(stream);
    stream.end();
    const { sizes, status } = await done;
    expect([sizes, status.code]).toEqual([[], Status.OK]);
  },

  async custom_metadata({ client }) {
    const binary = Buffer.from([0xab, 0xab, 0xab]);
    const metadata = new Metadata();
    metadata.set('x-grpc-test-echo-initial', 'test_initial_metadata_value');
    metadata.set('x-grpc-test-echo-trailing-bin', binary);
    const seen = await new Promise<[Metadata, Metadata]>((resolve, reject) => {
      let initial: Metadata;
      const unary = client.unaryCall(
        { responseSize: 314_159, payload: zeros(271_828) },
        metadata,
        {},
        (error) => {
          if (error !== null) reject(error);
        },
      );
      unary.on('metadata', (value) => {
        initial = value;
      });
      unary.on('status', (status) => resolve([initial, status.metadata]));
    });
    expect(seen[0].get('x-grpc-test-echo-initial')).toEqual(['test_initial_metadata_value']);
    expect(seen[1].get('x-grpc-test-echo-trailing-bin')).toEqual([binary]);
    const stream = client.fullDuplexCall(metadata);
    const initial = new Promise<Metadata>((resolve) => stream.on('metadata', resolve));
    const done = collect(stream);
    stream.write(output(314_159, 271_828));
    stream.end();
    expect((await initial).get('x-grpc-test-echo-initial')).toEqual(['test_initial_metadata_value']);
    expect((await done).status.metadata.get('x-grpc-test-echo-trailing-bin')).toEqual([binary]);
  },

  async status_code_and_message({ client }) {
    const responseStatus = { code: 2, message: 'test status message' };
    const expected = { code: 2, details: 'test status message' };
    await expect(call(client, 'unaryCall', { responseStatus })).rejects.toMatchObject(expected);
    const stream = client.fullDuplexCall();
    const done = collect(stream);
    stream.write({ responseStatus });
    stream.end();
    expect((await done).status).toMatchObject(expected);
  },

  async special_status_message({ client }) {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
    await expect(call(client, 'unaryCall', { responseStatus: { code: 2, message } })).rejects.toMatchObject({
      code: 2,
      details: message,
    });
  },

  async unimplemented_method({ client }) {
    await expect(call(client, 'unimplementedCall', {})).rejects.toMatchObject({ code: Status.UNIMPLEMENTED });
  },

  async unimplemented_service({ unimplemented }) {
    await expect(call(unimplemented, 'unimplementedCall', {})).rejects.toMatchObject({
      code: Status.UNIMPLEMENTED,
    });
  },

  cancel_after_begin({ client }) {
    return new Promise((resolve) => {
      const stream = client.streamingInputCall((error) => {
        expect(error).toMatchObject({ code: Status.CANCELLED });
        resolve();
      });
      stream.cancel();
    });
  },

  async cancel_after_first_response({ client }) {
    const stream = client.fullDuplexCall();
    const done = collect(stream, () => stream.cancel());
    stream.write(output(31_415, 27_182));
    const { sizes, status } = await done;
    expect([sizes, status.code]).toEqual([[31_415], Status.CANCELLED]);
  },

  async timeout_on_sleeping_server({ client }) {
    const stream = client.fullDuplexCall(new Metadata(), { deadline: Date.now() + 1 });
    const done = collect(stream);
    stream.write({ payload: zeros(27_182) });
    expect((await done).status.code).toBe(Status.DEADLINE_EXCEEDED);
  },

  ...compressionCases,
  ...orcaCases,
  ...soakCases,
};
