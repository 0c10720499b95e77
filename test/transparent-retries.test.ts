import * as grpc from '@grpc/grpc-js';
import type { ChannelOptions } from 'podwire';
import { afterEach, describe, expect, test } from 'vitest';
import { FramePeer } from './http2/frame-peer.ts';
import { frame, literal, TYPE, uint32 } from './http2/frames.mjs';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { failure } from './support/orders-fixture.ts';
import { until } from './support/until.ts';

const REFUSED_STREAM = 7;
const INTERNAL_ERROR = 2;
const retry = (maxAttempts: number) => ({
  methodConfig: [
    {
      name: [{}],
      retryPolicy: {
        maxAttempts,
        initialBackoff: '0.001s',
        maxBackoff: '0.001s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
});
const OK = Buffer.concat([
  Buffer.from([0x88]),
  literal('content-type', 'application/grpc'),
  literal('grpc-status', '5'),
]);
/** An answer of the service: NOT_FOUND. */
const answer = (id: number) => frame(TYPE.HEADERS, 5, id, OK);
const goaway = (lastId: number, errorCode: number) => frame(TYPE.GOAWAY, 0, 0, uint32(lastId, errorCode));

let peers: FramePeer[] = [];
afterEach(async () => {
  await Promise.all(peers.map((peer) => peer.close()));
  peers = [];
});

/** So many Pods that do this with the head of each call; the ids that they saw, in order. */
async function pods(count: number, onHead: (peer: FramePeer, id: number, nth: number) => void) {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) {
    const peer: FramePeer = await FramePeer.listen(({ type, streamId }) => {
      if (type === TYPE.HEADERS) onHead(peer, streamId, seen.push(streamId));
    });
    peers.push(peer);
  }
  return seen;
}

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  const open = async (options: ChannelOptions = {}) => {
    const target = `static:///${peers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
    const channel = openChannel(target, { transport, ...options });
    await channel.ready();
    return ordersClient(channel);
  };

  test('a call that every Pod refuses is sent once more, as in grpc-js', async () => {
    const seen = await pods(4, (peer, id) => peer.write(frame(TYPE.RST, 0, id, uint32(REFUSED_STREAM))));
    const error = await failure(get(await open()));
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, reason: 'REFUSED' });
    expect(seen).toHaveLength(2);
  });

  test('and after that as its policy says', async () => {
    const seen = await pods(4, (peer, id) => peer.write(frame(TYPE.RST, 0, id, uint32(REFUSED_STREAM))));
    await failure(get(await open({ serviceConfig: retry(3) })));
    expect(seen).toHaveLength(1 + 3);
  });

  test('one that a Pod leaves above its last id goes to another', async () => {
    const seen = await pods(1, (peer, id, nth) => peer.write(nth === 1 ? goaway(0, 0) : answer(id)));
    expect(await failure(get(await open()))).toMatchObject({ code: grpc.status.NOT_FOUND });
    expect(seen).toHaveLength(2);
  });

  test('with an error it may have been run: it is not sent again', async () => {
    const seen = await pods(1, (peer, id, nth) =>
      peer.write(nth === 1 ? goaway(0, INTERNAL_ERROR) : answer(id)),
    );
    expect(await failure(get(await open()))).toMatchObject({
      code: grpc.status.UNAVAILABLE,
      reason: 'CONNECTION_LOST',
      details: expect.stringContaining('the Pod sent GOAWAY with INTERNAL_ERROR'),
    });
    expect(seen).toHaveLength(1);
  });

  test('unless its policy says so', async () => {
    const seen = await pods(1, (peer, id, nth) =>
      peer.write(nth === 1 ? goaway(0, INTERNAL_ERROR) : answer(id)),
    );
    const client = await open({ serviceConfig: retry(2) });
    expect(await failure(get(client))).toMatchObject({ code: grpc.status.NOT_FOUND });
    expect(seen).toHaveLength(2);
  });
});

test('calls that never left go on, however often', async () => {
  const TIMES = 20;
  // Each answers its first call and goes with an error: the call that is made in the callback has not left yet.
  const seen = await pods(1, (peer, id) =>
    peer.write(Buffer.concat([answer(id), goaway(id, INTERNAL_ERROR)])),
  );
  const [peer] = peers;
  // Node's HTTP/2 does not tell what has left.
  const options = { transport: 'http2', backoff: { initialMs: 1, maxMs: 5 } } as const;
  const channel = openChannel(`static:///127.0.0.1:${peer!.port}`, options);
  await channel.ready();
  const client = ordersClient(channel);
  const codes: number[] = [];
  const next = () => {
    client.get({}, (error) => {
      codes.push(error!.code);
      if (codes.length < TIMES) next();
    });
  };
  next();
  await until(() => codes.length === TIMES);
  expect(new Set(codes)).toEqual(new Set([grpc.status.NOT_FOUND]));
  expect(seen).toHaveLength(TIMES);
});
