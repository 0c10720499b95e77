import * as grpc from '@grpc/grpc-js';
import { createChannel, createClient, type PodwireChannel } from 'podwire';
import { afterEach, describe, expect, test } from 'vitest';
import { OrdersConstructor, ordersClient } from '../support/orders-client.ts';
import { FramePeer } from './frame-peer.ts';
import { frame, literal, message, OK_BLOCK, okHeaders, TYPE, trailers } from './frames.mjs';

// Replies that HTTP/2 allows and gRPC has no place for: each is an answer to its call, and the connection goes on.
type Fields = readonly (readonly [name: string, value: string])[];
const block = (fields: Fields) => Buffer.concat(fields.map(([name, value]) => literal(name, value)));
const begins = (id: number, ...fields: Fields) =>
  frame(TYPE.HEADERS, 4, id, Buffer.concat([OK_BLOCK, block(fields)]));
const ends = (id: number, ...fields: Fields) => frame(TYPE.HEADERS, 5, id, block(fields));
const ORDER = message(Buffer.from([0x0a, 1, 0x61]));
const data = (id: number, payload: Buffer<ArrayBuffer> = ORDER) => frame(TYPE.DATA, 0, id, payload);

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  let peer: FramePeer;
  let channel: PodwireChannel;
  async function start(reply: (id: number) => Buffer): Promise<void> {
    peer = await FramePeer.listen(({ type, streamId }) => {
      if (type === TYPE.HEADERS) peer.write(reply(streamId));
    });
    channel = createChannel(`static:///127.0.0.1:${peer.port}`, { transport });
  }
  afterEach(async () => {
    await channel.close({ graceMs: 0 });
    await peer.close();
  });

  /** What a unary call of each kind of client gets. */
  async function calls() {
    const seen = [];
    for (const client of [ordersClient(channel), createClient(OrdersConstructor, channel)]) {
      seen.push(
        await new Promise<{ error: grpc.ServiceError | null; id?: string; metadata?: grpc.Metadata }>(
          (resolve) => {
            let metadata: grpc.Metadata | undefined;
            const call = (client as ReturnType<typeof ordersClient>).get({}, (error, order) =>
              resolve({ error, ...(order && { id: order.id }), ...(metadata && { metadata }) }),
            );
            call.on('metadata', (received: grpc.Metadata) => {
              metadata = received;
            });
          },
        ),
      );
    }
    expect(peer.connections).toBe(1);
    return seen;
  }

  const PARTIAL = message(Buffer.alloc(100)).subarray(0, 40);
  const failed = (id: number) => ends(id, ['grpc-status', '5'], ['grpc-message', 'no such order']);
  describe.each<[string, (id: number) => Buffer]>([
    ['a message and part of another', (id) => Buffer.concat([data(id), data(id, PARTIAL)])],
    ['part of a message', (id) => data(id, PARTIAL)],
    ['part of a prefix', (id) => data(id, PARTIAL.subarray(0, 3))],
    ['a message and part of a prefix', (id) => data(id, Buffer.concat([ORDER, PARTIAL.subarray(0, 1)]))],
    ['two messages', (id) => Buffer.concat([data(id), data(id)])],
    ['many messages', (id) => Buffer.concat(Array.from({ length: 40 }, () => data(id)))],
    ['a message and padding', (id) => Buffer.concat([data(id), frame(TYPE.DATA, 8, id, Buffer.alloc(9, 8))])],
    ['a message and empty DATA', (id) => Buffer.concat([data(id), data(id, Buffer.alloc(0))])],
  ])('an error behind %s', (_name, body) => {
    test('in one piece is told', async () => {
      await start((id) => Buffer.concat([begins(id), body(id), failed(id)]));
      for (const { error } of await calls())
        expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'no such order' });
    });

    test('in a piece of its own is told', async () => {
      await start((id) => {
        setImmediate(() => setImmediate(() => peer.write(failed(id))));
        return Buffer.concat([begins(id), body(id)]);
      });
      const [generated, ours] = await calls();
      expect(generated!.error).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'no such order' });
      // A client of createClient does not wait for what may come behind two messages.
      expect([grpc.status.NOT_FOUND, grpc.status.UNIMPLEMENTED]).toContain(ours!.error?.code);
    });
  });

  test('an error behind a message and what is none ends the call', async () => {
    const bytes = Buffer.concat([ORDER, Buffer.alloc(30, 7)]);
    await start((id) => Buffer.concat([begins(id), data(id, bytes), failed(id)]));
    const [generated, ours] = await calls();
    expect(generated!.error?.code).toBe(grpc.status.NOT_FOUND);
    expect(ours!.error?.code).toBe(grpc.status.INTERNAL);
  });

  test.each([
    ['part of a message', PARTIAL],
    ['part of a prefix', PARTIAL.subarray(0, 3)],
  ])('success behind a message and %s is none', async (_name, rest) => {
    await start((id) => Buffer.concat([begins(id), data(id), data(id, rest), trailers(id)]));
    for (const { error } of await calls())
      expect(error).toMatchObject({ code: grpc.status.INTERNAL, reason: 'PROTOCOL_ERROR' });
  });

  test('the reader of a stream gets all its messages before the error behind them', async () => {
    const COUNT = 100;
    await start((id) =>
      Buffer.concat([begins(id), ...Array.from({ length: COUNT }, () => data(id)), failed(id)]),
    );
    for (const client of [ordersClient(channel), createClient(OrdersConstructor, channel)]) {
      const stream = (client as ReturnType<typeof ordersClient>).list({});
      let count = 0;
      const read = async () => {
        for await (const _order of stream) {
          count += 1;
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await expect(read()).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
      // A stream of Node tells an error before what it holds.
      expect(count).toBeGreaterThan(COUNT - 40);
    }
  });

  test('headers that no metadata can hold are left out, and the others are there', async () => {
    await start((id) =>
      Buffer.concat([begins(id, ['x!y', '1'], ['x', '\xc5\xbe'], ['y', 'ok']), data(id), trailers(id)]),
    );
    for (const { id, metadata } of await calls()) {
      expect(id).toBe('a');
      expect(metadata!.getMap()).toMatchObject({ y: 'ok' });
      expect(metadata!.get('x')).toEqual([]);
    }
  });

  test('so it is with the trailers of an error', async () => {
    await start((id) =>
      ends(id, [':status', '200'], ['grpc-status', '5'], ['x!y', '1'], ['x', '\xc5\xbe'], ['y', 'ok']),
    );
    for (const { error } of await calls()) {
      expect(error).toMatchObject({ code: grpc.status.NOT_FOUND });
      expect(error!.metadata.getMap()).toEqual({ y: 'ok' });
    }
  });

  test('a page of a proxy is named by its type', async () => {
    const html = Buffer.concat([Buffer.from([0x88]), literal('content-type', 'text/html')]);
    await start((id) =>
      Buffer.concat([
        frame(TYPE.HEADERS, 4, id, html),
        data(id, Buffer.from('<html>Please log in</html>')),
        ends(id, ['grpc-status', '0']),
      ]),
    );
    for (const { error } of await calls()) {
      expect(error).toMatchObject({
        code: grpc.status.UNKNOWN,
        reason: 'NOT_GRPC',
        details: expect.stringContaining('content-type "text/html" instead of a gRPC reply'),
      });
    }
  });

  test('a message may end with a space, as grpc-go and grpc-java send it', async () => {
    await start((id) =>
      Buffer.concat([
        okHeaders(id),
        ends(id, ['grpc-status', '5'], ['grpc-message', 'no such order: '], ['x', ' y ']),
      ]),
    );
    for (const { error } of await calls()) {
      expect(error!.code).toBe(grpc.status.NOT_FOUND);
      // node:http2 drops such a header in older versions of Node.
      if (transport === 'http2') expect(error!.details).toBe('no such order: ');
    }
  });

  test.each(['application/grpc+proto', 'application/grpc;charset=utf-8', undefined])(
    'the type %j is one of gRPC',
    async (type) => {
      const head = [Buffer.from([0x88]), ...(type === undefined ? [] : [literal('content-type', type)])];
      await start((id) =>
        Buffer.concat([frame(TYPE.HEADERS, 4, id, Buffer.concat(head)), data(id), trailers(id)]),
      );
      for (const { id } of await calls()) expect(id).toBe('a');
    },
  );

  test('of a message that is half percent-encoded, that half is decoded', async () => {
    const text = 'caf%C3%A9 is 100% shut, %ff';
    await start((id) =>
      Buffer.concat([okHeaders(id), ends(id, ['grpc-status', '5'], ['grpc-message', text])]),
    );
    for (const { error } of await calls()) expect(error!.details).toBe('café is 100% shut, \ufffd');
  });
});
