import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { openChannel } from '../support/channel.ts';
import { get, type OrdersClient, OrdersConstructor, ordersClient } from '../support/orders-client.ts';
import { failure } from '../support/orders-fixture.ts';
import { FramePeer } from './frame-peer.ts';
import { frame, literal, TYPE } from './frames.mjs';

let peer: FramePeer;
afterEach(() => peer.close());

describe.each(['000', '099', '600', '800', '999'])(
  'a reply with the :status %s is UNKNOWN, as in grpc-js',
  (status) => {
    const start = async () => {
      peer = await FramePeer.listen(({ type, streamId }) => {
        if (type === TYPE.HEADERS) peer.write(frame(TYPE.HEADERS, 5, streamId, literal(':status', status)));
      });
      return `127.0.0.1:${peer.port}`;
    };

    test('grpc-js itself', async () => {
      const address = await start();
      const client = new OrdersConstructor(address, grpc.credentials.createInsecure());
      const error = await failure(get(client as unknown as OrdersClient));
      client.close();
      expect(error.code).toBe(grpc.status.UNKNOWN);
    });

    test.each(['http2', 'node-http2'] as const)('%s', async (transport) => {
      const channel = openChannel(`static:///${await start()}`, { transport });
      const error = await failure(get(ordersClient(channel)));
      expect(error).toMatchObject({
        code: grpc.status.UNKNOWN,
        reason: 'NOT_GRPC',
        details: expect.stringContaining(`HTTP status ${Number(status)} instead of a gRPC reply`),
      });
    });
  },
);

describe('a stream that is reset with NO_ERROR before a reply is INTERNAL, as in grpc-js', () => {
  const start = async () => {
    peer = await FramePeer.listen(({ type, streamId }) => {
      if (type === TYPE.HEADERS) peer.write(frame(TYPE.RST, 0, streamId, Buffer.alloc(4)));
    });
    return `127.0.0.1:${peer.port}`;
  };

  test('grpc-js itself', async () => {
    const client = new OrdersConstructor(await start(), grpc.credentials.createInsecure());
    const error = await failure(get(client as unknown as OrdersClient));
    client.close();
    expect(error.code).toBe(grpc.status.INTERNAL);
  });

  test.each(['http2', 'node-http2'] as const)('%s', async (transport) => {
    const channel = openChannel(`static:///${await start()}`, { transport });
    const error = await failure(get(ordersClient(channel)));
    expect(error).toMatchObject({
      code: grpc.status.INTERNAL,
      reason: 'RESET',
      details: expect.stringContaining('the server reset the stream with NO_ERROR'),
    });
  });
});
