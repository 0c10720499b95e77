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
