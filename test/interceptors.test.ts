import * as grpc from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { type Order, ordersClient } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

/** Starts each call later, as one that fetches a token first does. */
const late: grpc.Interceptor = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      setImmediate(() => {
        metadata.set('x-late', '1');
        next(metadata, listener);
      });
    },
  });

describe('an interceptor that starts calls later', () => {
  const orders = new OrdersFixture();

  test.each(['get', 'list', 'collect', 'chat'] as const)('%s has its reply', async (kind) => {
    const client = ordersClient(await orders.readyChannel(), { interceptors: [late] });
    const got: string[] = [];
    const read = async (stream: grpc.ClientReadableStream<Order>) => {
      for await (const { id } of stream as AsyncIterable<Order>) got.push(id);
    };
    if (kind === 'list') await read(client.list({ id: 'a', count: 3 }));
    if (kind === 'chat') {
      const chat = client.chat();
      chat.write({ id: 'a' });
      chat.end();
      await read(chat as unknown as grpc.ClientReadableStream<Order>);
    }
    if (kind === 'get' || kind === 'collect')
      await new Promise<void>((resolve, reject) => {
        const done = (error: grpc.ServiceError | null, order?: Order) => {
          if (error !== null) return reject(error);
          got.push(order!.id);
          resolve();
        };
        if (kind === 'get') client.get({ id: 'a' }, done);
        else {
          const collect = client.collect(done);
          collect.write({ id: 'a' });
          collect.end();
        }
      });
    expect(got.length).toBe(kind === 'list' ? 3 : 1);
  });
});
