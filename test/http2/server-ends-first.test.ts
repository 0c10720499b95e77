import { Metadata, status } from '@grpc/grpc-js';
import { createChannel } from 'podwire';
import { expect, onTestFinished, test } from 'vitest';
import { ordersClient } from '../support/orders-client.ts';
import { openOrdersServer } from '../support/orders-server.ts';

/** More than resets at once, and then at their pace, could end within the deadline. */
const CALLS = 1_000;
const DEADLINE_MS = 10_000;
const AT_ONCE = 10;
/**
 * A server on Node 24 counts such a stream for a moment after it is over, and answers the next one beyond its limit with
 * ENHANCE_YOUR_CALM, grpc-js's client as well; so that it has room for twice as many.
 */
const STREAMS = 2 * AT_ONCE;

test.each([
  { transport: 'http2', reply: true },
  { transport: 'http2', reply: false },
  { transport: 'node-http2', reply: true },
  { transport: 'node-http2', reply: false },
] as const)(
  'calls that the server ends first free their streams at once, over $transport, with a reply: $reply',
  async ({ transport, reply }) => {
    const server = await openOrdersServer({ options: { 'grpc.max_concurrent_streams': STREAMS } });
    server.onChat = (call) =>
      call.once('data', (order) => {
        if (reply) call.write(order);
        call.end();
      });
    const channel = createChannel(`static:///${server.address}`, { transport, maxConnectionsPerPod: 1 });
    onTestFinished(() => channel.close({ graceMs: 0 }));
    await channel.ready();
    const orders = ordersClient(channel);
    const deadline = Date.now() + DEADLINE_MS;
    const one = () =>
      new Promise<number>((resolve) => {
        const call = orders.chat(new Metadata(), { deadline });
        call.on('error', () => {}).on('status', ({ code }) => resolve(code));
        call.resume();
        // The caller never ends its side.
        call.write({ id: 'x' });
      });
    const worker = async () => {
      const codes: number[] = [];
      for (let i = 0; i < CALLS / AT_ONCE; i++) codes.push(await one());
      return codes;
    };
    const codes = (await Promise.all(Array.from({ length: AT_ONCE }, worker))).flat();
    expect(codes.filter((code) => code !== status.OK)).toEqual([]);
  },
);
