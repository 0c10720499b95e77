import * as grpc from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { failure, OrdersFixture } from './support/orders-fixture.ts';
import { startOrdersServer } from './support/orders-server.ts';

const orders = new OrdersFixture();

describe('a deadline', () => {
  test('ends the call on both sides', async () => {
    let cancelled: (() => void) | undefined;
    const told = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const client = orders.client();
    // Connected first: a call whose deadline passes before it is sent never reaches the server.
    await get(client);
    orders.server.onGet = (call) => void call.on('cancelled', () => cancelled?.());
    const error = await failure(get(client, {}, undefined, { deadline: Date.now() + 500 }));
    expect(error.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await told;
  });

  test('in the past sends nothing', async () => {
    const error = await failure(get(orders.client(), {}, undefined, { deadline: Date.now() - 1 }));
    expect(error).toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    expect(orders.server.calls).toBe(0);
  });

  test('and cancellation come from the parent call', async () => {
    const inner = await startOrdersServer();
    let left = 0;
    inner.onGet = (call, callback) => {
      left = Number(call.getDeadline()) - Date.now();
      callback(null, call.request);
    };
    const channel = openChannel(`static:///${inner.address}`);
    orders.server.onGet = (call, callback) => {
      ordersClient(channel).get({}, new grpc.Metadata(), { parent: call }, (error) =>
        callback(error, call.request),
      );
    };
    await get(orders.client(), {}, undefined, { deadline: Date.now() + 5_000 });
    expect(left).toBeGreaterThan(1_000);
    expect(left).toBeLessThanOrEqual(5_000);
    await inner.stop();
  });
});

describe('cancellation', () => {
  test('of the parent call counts also for calls made after it', async () => {
    const reached = deferred();
    const result = deferred();
    const inner = orders.client();
    await get(inner);
    orders.server.onGet = (parent) => {
      parent.on('cancelled', () =>
        setImmediate(() => {
          orders.server.onGet = () => {};
          result.resolve(failure(get(inner, {}, undefined, { parent })) as never);
        }),
      );
      reached.resolve(undefined);
    };
    const call = orders.client().get({}, () => {});
    await reached.promise;
    call.cancel();
    expect(await result.promise).toMatchObject({ code: grpc.status.CANCELLED });
    expect(orders.server.calls).toBe(2);
  });

  test('by the caller ends the call on both sides', async () => {
    const started = deferred();
    const cancelled = deferred();
    orders.server.onChat = (call) => {
      call.on('cancelled', () => cancelled.resolve());
      started.resolve(undefined);
    };
    const call = orders.client().chat();
    const error = new Promise<grpc.ServiceError>((resolve) =>
      call.on('error', resolve as (error: Error) => void),
    );
    await started.promise;
    call.cancel();
    expect((await error).code).toBe(grpc.status.CANCELLED);
    await cancelled.promise;
  });

  test('before the call began is not lost', async () => {
    const call = orders.client().chat();
    const error = new Promise<grpc.ServiceError>((resolve) =>
      call.on('error', resolve as (error: Error) => void),
    );
    call.cancel();
    expect((await error).code).toBe(grpc.status.CANCELLED);
    expect(orders.server.calls).toBe(0);
  });
});

function deferred(): { promise: Promise<unknown>; resolve(value?: unknown): void } {
  let resolve!: (value?: unknown) => void;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
