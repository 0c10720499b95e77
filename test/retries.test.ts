import * as grpc from '@grpc/grpc-js';
import { beforeEach, describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type OrdersClient, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

let servers: OrdersServer[];
/** The address of every server that a call reached, and how often it said it had been tried. */
let reached: { readonly pod: string; readonly previous: string | undefined }[];

function open(method: object, more: object = {}): OrdersClient {
  const serviceConfig = { methodConfig: [{ name: [{}], ...method }], ...more };
  const target = `static:///${servers.map(({ address }) => address).join(',')}`;
  return ordersClient(openChannel(target, { policy: 'round_robin', serviceConfig }));
}

const retryPolicy = {
  maxAttempts: 3,
  initialBackoff: '0.001s',
  maxBackoff: '0.01s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};

function failWith(code: grpc.status, trailers: Record<string, string> = {}): void {
  for (const server of servers) {
    server.onGet = (call, callback) => {
      reached.push({
        pod: server.address,
        previous: call.metadata.get('grpc-previous-rpc-attempts')[0]?.toString(),
      });
      const metadata = new grpc.Metadata();
      for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
      callback({ code, details: 'no', metadata });
    };
  }
}

beforeEach(async () => {
  reached = [];
  servers = await Promise.all([openOrdersServer(), openOrdersServer(), openOrdersServer()]);
});

describe('retries', () => {
  test('go to Pods not tried yet, say how often before, and stop at maxAttempts', async () => {
    failWith(grpc.status.UNAVAILABLE);
    await expect(get(open({ retryPolicy }))).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
      details: 'no',
    });
    expect(new Set(reached.map(({ pod }) => pod)).size).toBe(3);
    expect(reached.map(({ previous }) => previous)).toEqual([undefined, '1', '2']);
  });

  test('succeed where another Pod answers', async () => {
    failWith(grpc.status.UNAVAILABLE);
    servers[2]!.onGet = undefined;
    await expect(get(open({ retryPolicy }), { id: 'x' })).resolves.toMatchObject({
      pod: servers[2]!.address,
    });
  });

  test('are not made for other codes, nor without a policy', async () => {
    failWith(grpc.status.INTERNAL);
    await expect(get(open({ retryPolicy }))).rejects.toMatchObject({ code: grpc.status.INTERNAL });
    failWith(grpc.status.UNAVAILABLE);
    await expect(get(open({}))).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(reached).toHaveLength(2);
  });

  test('obey pushback', async () => {
    failWith(grpc.status.UNAVAILABLE, { 'grpc-retry-pushback-ms': '-1' });
    await expect(get(open({ retryPolicy }))).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(reached).toHaveLength(1);
    failWith(grpc.status.UNAVAILABLE, { 'grpc-retry-pushback-ms': '1' });
    const slow = { ...retryPolicy, initialBackoff: '60s', maxBackoff: '60s' };
    await expect(get(open({ retryPolicy: slow }))).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(reached).toHaveLength(4);
  });

  test('stop when half of the budget is gone', async () => {
    failWith(grpc.status.UNAVAILABLE);
    const client = open({ retryPolicy }, { retryThrottling: { maxTokens: 4, tokenRatio: 0.1 } });
    await expect(get(client)).rejects.toThrow();
    await expect(get(client)).rejects.toThrow();
    // The first call takes two tokens of four and may retry once; then each call is tried once.
    expect(reached).toHaveLength(3);
  });
});

describe('hedging', () => {
  const hedgingPolicy = { maxAttempts: 3, hedgingDelay: '0.02s', nonFatalStatusCodes: ['UNAVAILABLE'] };

  test('takes the first answer, from another Pod, and cancels the rest', async () => {
    let cancelled = 0;
    for (const server of servers.slice(0, 2)) {
      server.onGet = (call) => void call.on('cancelled', () => (cancelled += 1));
    }
    const client = open({ hedgingPolicy });
    const replies = await Promise.all(Array.from({ length: 3 }, () => get(client)));
    expect(new Set(replies.map(({ pod }) => pod))).toEqual(new Set([servers[2]!.address]));
    await until(() => cancelled >= 2);
  });

  test('sends the next at once when one fails, and ends with the last failure', async () => {
    failWith(grpc.status.UNAVAILABLE);
    const slow = { ...hedgingPolicy, hedgingDelay: '60s' };
    await expect(get(open({ hedgingPolicy: slow }))).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(new Set(reached.map(({ pod }) => pod)).size).toBe(3);
  });

  test('is left out when half of the budget is gone', async () => {
    failWith(grpc.status.UNAVAILABLE);
    const client = open({ hedgingPolicy }, { retryThrottling: { maxTokens: 4, tokenRatio: 0.1 } });
    await expect(get(client)).rejects.toThrow();
    const attempts = { spent: 0, fresh: 0 };
    const answers: (() => void)[] = [];
    for (const server of servers) {
      server.onGet = (call, callback) => {
        attempts[call.request.id as keyof typeof attempts] += 1;
        answers.push(() => callback(null, call.request));
      };
    }
    const calls = [get(client, { id: 'spent' }), get(open({ hedgingPolicy }), { id: 'fresh' })];
    // Begun later, so that the other one would have been hedged by now as well.
    await until(() => attempts.fresh === 3);
    expect(attempts.spent).toBe(1);
    for (const answer of answers) answer();
    await Promise.all(calls);
  });

  test('ends with a fatal code at once', async () => {
    failWith(grpc.status.INVALID_ARGUMENT);
    await expect(get(open({ hedgingPolicy }))).rejects.toMatchObject({ code: grpc.status.INVALID_ARGUMENT });
    expect(reached).toHaveLength(1);
  });
});
