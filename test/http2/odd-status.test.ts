import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { openChannel } from '../support/channel.ts';
import { get, type OrdersClient, OrdersConstructor, ordersClient } from '../support/orders-client.ts';
import { failure } from '../support/orders-fixture.ts';
import { FramePeer } from './frame-peer.ts';
import { frame, literal, TYPE } from './frames.mjs';

let peer: FramePeer;
afterEach(() => peer.close());

const { UNKNOWN, INTERNAL } = grpc.status;

describe.each(['000', '099', '600', '800', '999'])('a reply with the :status %s', (status) => {
  const start = async () => {
    peer = await FramePeer.listen(({ type, streamId }) => {
      if (type === TYPE.HEADERS) peer.write(frame(TYPE.HEADERS, 5, streamId, literal(':status', status)));
    });
    return `127.0.0.1:${peer.port}`;
  };
  const fail = async (transport: 'http2' | 'node-http2') => {
    const channel = openChannel(`static:///${await start()}`, { transport });
    return failure(get(ordersClient(channel)));
  };
  const notGrpc = {
    code: UNKNOWN,
    reason: 'NOT_GRPC',
    details: expect.stringContaining(`HTTP status ${Number(status)} instead of a gRPC reply`),
  };

  test('is UNKNOWN', async () => {
    expect(await fail('http2')).toMatchObject(notGrpc);
  });

  test('is what it is in grpc-js, over node-http2', async () => {
    const client = new OrdersConstructor(await start(), grpc.credentials.createInsecure());
    const { code } = await failure(get(client as unknown as OrdersClient));
    client.close();
    await peer.close();
    // The HTTP/2 of Node 24, on which both stand, resets a stream with a status below 100.
    const isReset = code === INTERNAL && Number(status) < 100;
    if (!isReset) expect(code).toBe(UNKNOWN);
    expect(await fail('node-http2')).toMatchObject(isReset ? { code: INTERNAL, reason: 'RESET' } : notGrpc);
  });
});

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
