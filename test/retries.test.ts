import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import type { PodwireChannel } from 'podwire';
import { beforeEach, describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, type Order, type OrdersClient, ordersClient } from './support/orders-client.ts';
import { type OrdersServer, openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

let servers: OrdersServer[];
/** The address of every server that a call reached, and how often it said it had been tried. */
let reached: { readonly pod: string; readonly previous: string | undefined }[];

/** Of the client that was opened last. */
let channel: PodwireChannel;

function open(method: object, more: object = {}): OrdersClient {
  const serviceConfig = { methodConfig: [{ name: [{}], ...method }], ...more };
  const target = `static:///${servers.map(({ address }) => address).join(',')}`;
  channel = openChannel(target, { policy: 'round_robin', serviceConfig });
  return ordersClient(channel);
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
  test('a deadline that passes between two attempts tells how the last one ended', async () => {
    failWith(grpc.status.UNAVAILABLE, { 'grpc-retry-pushback-ms': '60000' });
    const client = open({ retryPolicy });
    await expect(get(client, {}, undefined, { deadline: Date.now() + 500 })).rejects.toMatchObject({
      code: grpc.status.DEADLINE_EXCEEDED,
      details: expect.stringMatching(/waiting to try again \(the last attempt ended with UNAVAILABLE: no\)/),
    });
  });

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

  test('begin anew with the first delay after a pushback', async () => {
    failWith(grpc.status.UNAVAILABLE);
    for (const server of servers) {
      const fail = server.onGet!;
      server.onGet = (call, callback) => {
        const metadata = new grpc.Metadata();
        if (reached.length === 0) metadata.set('grpc-retry-pushback-ms', '1');
        fail(call, (error) => callback({ ...error, metadata }));
      };
    }
    const steep = { ...retryPolicy, maxBackoff: '600s', backoffMultiplier: 1e6 };
    await expect(get(open({ retryPolicy: steep }))).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(reached).toHaveLength(3);
  });

  test('are waited for no longer than the channel is open', async () => {
    failWith(grpc.status.UNAVAILABLE);
    const slow = { ...retryPolicy, initialBackoff: '600s', maxBackoff: '600s' };
    const failed = get(open({ retryPolicy: slow })).catch((error) => error);
    // Its answer is here: the call waits for its second attempt.
    await until(
      () => reached.length === 1 && channel.snapshot().pods.every(({ inFlight }) => inFlight === 0),
    );
    await channel.close();
    expect(await failed).toMatchObject({ reason: 'CHANNEL_CLOSED', pods: [reached[0]!.pod] });
  });

  test('do not follow calls that the closing channel cut', async () => {
    for (const server of servers) server.onGet = () => {};
    const slow = { ...retryPolicy, initialBackoff: '600s', maxBackoff: '600s' };
    const failed = get(open({ retryPolicy: slow })).catch((error) => error);
    await until(() => servers.some(({ calls }) => calls === 1));
    await channel.close({ graceMs: 0 });
    expect(await failed).toMatchObject({ reason: 'CHANNEL_CLOSED' });
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

  /** Resolves when a hedge that was planned before has been sent, if it is sent at all. */
  async function hedgesAreDue(policy: object = hedgingPolicy): Promise<void> {
    const other = get(open({ hedgingPolicy: policy }), { id: 'other' });
    await until(() => held.get('other')?.length === 3);
    for (const answer of held.get('other')!) answer();
    await other;
  }
  /** How to answer the attempts of calls, by id, in the order in which they reached a server. */
  let held: Map<string, (() => void)[]>;
  function hold(unless: (id: string, attempt: number) => grpc.ServerErrorResponse | undefined): void {
    held = new Map();
    for (const server of servers) {
      server.onGet = ({ request }, callback) => {
        const attempts = held.get(request.id) ?? [];
        held.set(request.id, [...attempts, () => callback(null, request)]);
        const error = unless(request.id, attempts.length);
        if (error !== undefined) callback(error);
      };
    }
  }
  const refusal = (pushbackMs?: string) => {
    const metadata = new grpc.Metadata();
    if (pushbackMs !== undefined) metadata.set('grpc-retry-pushback-ms', pushbackMs);
    return { name: '', message: '', code: grpc.status.UNAVAILABLE, details: 'no', metadata };
  };

  /** Long enough for an answer to arrive before the next hedge is due. */
  const later = { ...hedgingPolicy, hedgingDelay: '0.4s' };

  test('stops where the server says so, also what is planned', async () => {
    hold((id, attempt) => (id === 'one' && attempt === 1 ? refusal('-1') : undefined));
    const one = get(open({ hedgingPolicy: later }), { id: 'one' });
    await until(() => held.get('one')?.length === 2);
    await hedgesAreDue(later);
    expect(held.get('one')).toHaveLength(2);
    held.get('one')![0]!();
    await one;
  });

  test('sends nothing that was planned before half of the budget went', async () => {
    hold((id) => (id === 'spent' ? refusal() : undefined));
    const client = open({ hedgingPolicy: later }, { retryThrottling: { maxTokens: 2, tokenRatio: 0.1 } });
    await channel.ready();
    const one = get(client, { id: 'one' });
    await expect(get(client, { id: 'spent' })).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    await hedgesAreDue(later);
    expect([held.get('one')?.length, held.get('spent')?.length]).toEqual([1, 1]);
    held.get('one')![0]!();
    await one;
  });

  test('sends no second copy of messages too large to be kept', async () => {
    hold(() => undefined);
    const body = Buffer.alloc(2 * 1024 * 1024);
    const large = get(open({ hedgingPolicy }), { id: 'large', body });
    await until(() => held.get('large')?.length === 1);
    await hedgesAreDue();
    expect(held.get('large')).toHaveLength(1);
    held.get('large')![0]!();
    await large;
  });

  test('begins no call anew that is cancelled while it is written', async () => {
    hold(() => undefined);
    const client = open({ hedgingPolicy: { ...hedgingPolicy, hedgingDelay: '0s' } });
    await channel.ready();
    const first = channel;
    const begun = () => first.snapshot().pods.reduce((sum, { calls }) => sum + calls, 0);
    let atCancel = 0;
    const call = client.chat();
    call.write({ id: 'a' }, () => {
      atCancel = begun();
      call.cancel();
    });
    const [error] = await once(call, 'error');
    expect(error.code).toBe(grpc.status.CANCELLED);
    await hedgesAreDue();
    expect(first.snapshot().calls.open).toBe(0);
    expect(begun()).toBe(atCancel);
  });

  test('tells of the Pod that replied, also where another was asked after it', async () => {
    const chats: { readonly server: OrdersServer; readonly call: grpc.ServerDuplexStream<Order, Order> }[] =
      [];
    for (const server of servers) server.onChat = (call) => chats.push({ server, call });
    const client = open({ hedgingPolicy: { ...hedgingPolicy, maxAttempts: 2, hedgingDelay: '0s' } });
    await channel.ready();
    const chat = client.chat();
    const ended = once(
      chat.on('data', () => {}),
      'error',
    );
    await until(() => chats.length === 2);
    // Not the hedge, which says how many attempts were made before it.
    const isFirst = ({ call }: (typeof chats)[number]) =>
      call.metadata.get('grpc-previous-rpc-attempts').length === 0;
    const { server, call } = chats.find(isFirst)!;
    call.sendMetadata(new grpc.Metadata());
    await once(chat, 'metadata');
    expect(chat.getPeer()).toBe(server.address);
    await server.stop();
    const [error] = await ended;
    expect(error.details).toContain(', after its reply began [');
    expect(error.pods.toSorted()).toEqual(chats.map((one) => one.server.address).toSorted());
  });

  test('ends with a fatal code at once', async () => {
    failWith(grpc.status.INVALID_ARGUMENT);
    await expect(get(open({ hedgingPolicy }))).rejects.toMatchObject({ code: grpc.status.INVALID_ARGUMENT });
    expect(reached).toHaveLength(1);
  });
});
