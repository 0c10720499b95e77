import * as grpc from '@grpc/grpc-js';
import type { ChannelOptions } from 'podwire';
import { describe, expect, test } from 'vitest';
import { openChannel } from './support/channel.ts';
import { get, ordersClient } from './support/orders-client.ts';
import { openOrdersServer } from './support/orders-server.ts';
import { until } from './support/until.ts';

/** Outcomes, each with how often it was seen. */
type Tally = Record<string, number>;
const count = (tally: Tally, name: string) => {
  tally[name] = (tally[name] ?? 0) + 1;
};

/** A server of grpc-js, which runs on Node's: after 1 000 resets, and 33 more a second, that ends the connection. */
async function start(options: ChannelOptions) {
  const server = await openOrdersServer();
  /** How often each id was handled, and which calls have been seen to be cancelled. */
  const runs = new Map<string, number>();
  const held: (() => void)[] = [];
  const cancelled = new Set<string>();
  server.onGet = (call, callback) => {
    const { id } = call.request;
    runs.set(id, (runs.get(id) ?? 0) + 1);
    call.once('cancelled', () => cancelled.add(id));
    const reply = () => callback(null, call.request);
    if (id.startsWith('held')) held.push(reply);
    else reply();
  };
  const channel = openChannel(`static:///${server.address}`, options);
  await channel.ready();
  const states: string[] = [];
  channel.events.on('pod', ({ state }) => states.push(state));
  return { server, runs, held, cancelled, states, channel, client: ordersClient(channel) };
}

describe.each(['http2', 'node-http2'] as const)('over %s', { timeout: 120_000 }, (transport) => {
  test('half of many calls cancelled: no call runs twice, no other fails, and no connection ends', async () => {
    const CALLS = 3_000;
    const { runs, held, client, states } = await start({ transport });
    const tally: Tally = {};
    let open = 0;
    for (let i = 0; i < CALLS; i++) {
      open += 1;
      const isCancelled = i % 2 === 0;
      const call = client.get({ id: `${isCancelled ? 'held' : 'own'} ${i}` }, (error) => {
        open -= 1;
        count(tally, `${isCancelled ? 'cancelled' : 'other'} ${error?.code ?? 0}`);
      });
      if (isCancelled) setImmediate(() => setImmediate(() => call.cancel()));
      if (i % 100 === 99) {
        await until(() => open === 0);
        for (const reply of held.splice(0)) reply();
      }
    }
    expect(tally).toEqual({ [`cancelled ${grpc.status.CANCELLED}`]: CALLS / 2, 'other 0': CALLS / 2 });
    expect([...runs.values()].filter((times) => times > 1)).toEqual([]);
    expect(states).toEqual([]);
  });

  test('a hung Pod of which thousands of calls are cancelled answers all the others', async () => {
    const CALLS = 3_000;
    const { client, channel, cancelled, states } = await start({ transport });
    const tally: Tally = {};
    let open = 0;
    for (let i = 0; i < CALLS; i += 500) {
      const calls = Array.from({ length: 500 }, (_, at) => {
        open += 1;
        return client.get({ id: `held ${i + at}` }, (error) => {
          open -= 1;
          count(tally, `held ${error?.code}`);
        });
      });
      const other = await get(client, { id: `own ${i}` }).catch((error) => error);
      count(tally, `other ${other instanceof Error ? other.message : other.id === `own ${i}`}`);
      for (const call of calls) call.cancel();
      await until(() => open === 0);
    }
    expect(tally).toEqual({ [`held ${grpc.status.CANCELLED}`]: CALLS, 'other true': CALLS / 500 });
    expect(states).toEqual([]);
    expect(channel.snapshot().pods[0]).toMatchObject({ state: 'ready', connections: 1, inFlight: 0 });
    // The first are told at once, the others in their turn.
    await until(() => cancelled.size > 230);
  });

  test('where the Pod allows few streams, another connection takes over before those given up use them all', async () => {
    const server = await openOrdersServer({ options: { 'grpc.max_concurrent_streams': 20 } });
    server.onGet = (call, callback) => {
      if (call.request.id === 'own') callback(null, call.request);
    };
    const channel = openChannel(`static:///${server.address}`, { transport });
    const client = ordersClient(channel);
    for (let i = 0; i < 80; i++) {
      let open = 10;
      const calls = Array.from({ length: open }, () =>
        client.get({ id: 'held' }, () => {
          open -= 1;
        }),
      );
      expect((await get(client, { id: 'own' })).id).toBe('own');
      for (const call of calls) call.cancel();
      await until(() => open === 0);
    }
    expect(channel.snapshot().pods[0]!.connections).toBeLessThanOrEqual(2);
  });
});
