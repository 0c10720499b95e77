import { status as Status } from '@grpc/grpc-js';
import { createChannel, type PodwireChannel } from 'podwire';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { call, type InteropClient, interopClient, type Reply } from './client.ts';
import { type NegativeCase, NegativeServer } from './negative-server.ts';
import { zeros } from './payloads.ts';

let server: NegativeServer;
let channel: PodwireChannel;
afterEach(async () => {
  await channel.close({ graceMs: 0 });
  await server.close();
});

describe.each(['node-http2', 'http2'] as const)('%s', (transport) => {
  async function start(testCase: NegativeCase): Promise<InteropClient> {
    server = new NegativeServer(testCase);
    await server.listen();
    channel = createChannel(`static:///${server.address}`, { transport });
    return interopClient(channel);
  }
  async function largeUnary(client: InteropClient): Promise<void> {
    const reply = await call<Reply>(client, 'unaryCall', { responseSize: 314_159, payload: zeros(271_828) });
    expect(reply.payload.body.equals(Buffer.alloc(314_159))).toBe(true);
  }

  test('goaway: both calls succeed, on two connections, and the first one is closed', async () => {
    const client = await start('goaway');
    await largeUnary(client);
    await largeUnary(client);
    // Another one may have begun since: each is told to go with its first call.
    const calls = server.connections.map(({ streamIds }) => streamIds.length);
    expect([calls.slice(0, 2), calls.reduce((sum, count) => sum + count)]).toEqual([[1, 1], 2]);
    await until(() => server.connections[0]!.closed);
  });

  test.each(['rst_after_header', 'rst_during_data', 'rst_after_data'] as const)(
    '%s: the call fails and is not tried again; the next one has another stream of the same connection',
    async (testCase) => {
      const client = await start(testCase);
      // node:http2 does not tell a reset with code 0 from an end without trailers; half a message is one of neither.
      const isTold = transport === 'http2' || testCase === 'rst_during_data';
      const code = isTold ? Status.INTERNAL : Status.UNKNOWN;
      for (let i = 0; i < 2; i++) await expect(largeUnary(client)).rejects.toMatchObject({ code });
      const [connection] = server.connections;
      expect(server.connections).toHaveLength(1);
      expect(connection!.streamIds).toHaveLength(2);
      expect(connection!.streamIds[1]).toBeGreaterThan(connection!.streamIds[0]!);
      expect(channel.snapshot().pods[0]!.inFlight).toBe(0);
    },
  );

  test('ping: the call succeeds, and no ping is left without an answer', async () => {
    const client = await start('ping');
    await largeUnary(client);
    const [connection] = server.connections;
    expect(connection!.pingsSent).toBeGreaterThan(5);
    await until(() => connection!.outstandingPings === 0);
  });

  test('max_streams: ten calls at once succeed, and no connection carries two of them', async () => {
    const client = await start('max_streams');
    await largeUnary(client);
    // The limit came before the reply.
    await Promise.all(Array.from({ length: 10 }, () => largeUnary(client)));
    expect(server.connections.reduce((sum, { streamIds }) => sum + streamIds.length, 0)).toBe(11);
    expect(server.connections[0]!.peak).toBe(1);
    for (const { streamIds, peak } of server.connections) {
      expect(new Set(streamIds).size).toBe(streamIds.length);
      expect(peak).toBeLessThanOrEqual(1);
    }
  });

  test('data_frame_padding: padding is not part of the message, and flow control counts it', async () => {
    const client = await start('data_frame_padding');
    for (let i = 0; i < 3; i++) await largeUnary(client);
    expect(server.connections[0]!.streamIds).toHaveLength(3);
  });
});
