import * as grpc from '@grpc/grpc-js';
import type { PodwireChannel } from 'podwire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createChannel } from './support/channel.ts';
import { get, type Order, type OrdersClient, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, startOrdersServer } from './support/orders-server.ts';

let servers: OrdersServer[];
let channel: PodwireChannel;
let client: OrdersClient;

beforeEach(async () => {
  servers = await Promise.all([startOrdersServer(), startOrdersServer(), startOrdersServer()]);
  channel = createChannel(`static:///${servers.map(({ address }) => address).join(',')}`, {
    policy: 'round_robin',
  });
  await channel.ready({ timeoutMs: 5_000 });
  client = ordersClient(channel);
});
afterEach(async () => {
  await channel.close({ graceMs: 0 });
  await Promise.all(servers.map((server) => server.stop()));
});

describe('a generated client over podwire', () => {
  test('spreads unary calls over all Pods', async () => {
    const replies = await Promise.all(Array.from({ length: 30 }, (_, i) => get(client, { id: String(i) })));
    expect(replies.map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, i) => String(i)));
    expect(servers.map(({ calls }) => calls)).toEqual([10, 10, 10]);
  });

  test('streams from the client', async () => {
    const reply = await new Promise<Order>((resolve, reject) => {
      const call = client.collect((error, order) => (error === null ? resolve(order!) : reject(error)));
      for (let i = 0; i < 100; i++) call.write({ id: String(i) });
      call.end();
    });
    expect(reply.count).toBe(100);
  });

  test('streams from the server, in order and whole', async () => {
    const seen: number[] = [];
    for await (const order of client.list({ count: 500, body: Buffer.alloc(1_000, 7) }))
      seen.push((order as Order).count);
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  test('streams both ways', async () => {
    const call = client.chat();
    const echoes: string[] = [];
    const status = new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
    call.on('data', (order: Order) => {
      echoes.push(order.id);
      if (echoes.length < 10) call.write({ id: String(echoes.length) });
      else call.end();
    });
    call.write({ id: '0' });
    expect((await status).code).toBe(grpc.status.OK);
    expect(echoes).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  test('carries a message of 3 MB both ways', async () => {
    const body = Buffer.alloc(3_000_000, 'podwire');
    const reply = await get(client, { body });
    expect(Buffer.compare(reply.body, body)).toBe(0);
  });
});
