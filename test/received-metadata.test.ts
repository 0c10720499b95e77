import assert from 'node:assert';
import { inspect } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, createClient } from 'podwire';
import { chai, describe, expect, test } from 'vitest';
import { type OrdersClient, OrdersConstructor, ordersClient } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

const orders = new OrdersFixture();
const credentials = grpc.credentials.createInsecure();

const CLIENTS = {
  'a generated client': ordersClient,
  createClient: (channel: ReturnType<typeof orders.channel>) =>
    createClient(OrdersConstructor as never, channel) as OrdersClient,
};

/** Header and trailer that the server sent with the text of the call. */
async function received(client: OrdersClient, id: string): Promise<[grpc.Metadata, grpc.Metadata]> {
  return new Promise((resolve) => {
    let initial: grpc.Metadata;
    const call = client.get({ id }, () => {});
    call.on('metadata', (metadata) => {
      initial = metadata;
    });
    call.on('status', ({ metadata }) => resolve([initial, metadata]));
  });
}

describe.each(['http2', 'node-http2'] as const)('metadata received over %s', (transport) => {
  describe.each(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])('by %s', (kind) => {
    const open = async (options: ChannelOptions = {}) => {
      orders.server.onGet = (call, reply) => {
        const metadata = new grpc.Metadata();
        metadata.set('x-id', call.request.id);
        metadata.set('x-id-bin', Buffer.from(call.request.id));
        call.sendMetadata(metadata);
        reply(null, call.request, metadata);
      };
      return CLIENTS[kind](await orders.readyChannel({ transport, ...options }));
    };

    test('are equal where they hold the same, and only there', async () => {
      const client = await open();
      const [a, again, b] = [
        await received(client, 'a'),
        await received(client, 'a'),
        await received(client, 'b'),
      ];
      const plain = new grpc.Metadata();
      plain.set('x-id', 'a');
      plain.set('x-id-bin', Buffer.from('a'));
      for (const i of [0, 1]) {
        a[i]!.remove('date');
        again[i]!.remove('date');
        b[i]!.remove('date');
        const same = () => {
          expect(a[i]).toEqual(again[i]);
          expect(a[i]).toStrictEqual(again[i]);
          assert.deepStrictEqual(a[i], again[i]);
          assert.deepEqual(a[i], again[i]);
          chai.assert.deepEqual(a[i], again[i]);
        };
        same();
        for (const other of [b[i], new grpc.Metadata()]) {
          expect(a[i]).not.toEqual(other);
          expect(a[i]).not.toStrictEqual(other);
          assert.notDeepStrictEqual(a[i], other);
          assert.notDeepEqual(a[i], other);
          chai.assert.notDeepEqual(a[i], other);
        }
        // Looking at them changes nothing.
        same();
      }
      expect(a[1]).toEqual(plain);
      expect(a[1]).toStrictEqual(plain);
      assert.deepStrictEqual(a[1], plain);
      chai.assert.deepEqual(a[1], plain);
    });

    test('look as those that grpc-js itself receives', async () => {
      const client = await open();
      const own = new OrdersConstructor(orders.server.address, credentials) as unknown as OrdersClient;
      const ours = await received(client, 'a');
      const theirs = await received(own, 'a');
      own.close();
      for (const i of [0, 1]) {
        for (const metadata of [ours[i]!, theirs[i]!]) metadata.remove('date');
        expect(Object.keys(ours[i]!.getMap()).toSorted()).toEqual(
          Object.keys(theirs[i]!.getMap()).toSorted(),
        );
        expect(ours[i]).toEqual(theirs[i]);
        expect(JSON.parse(JSON.stringify(ours[i]))).toEqual(JSON.parse(JSON.stringify(theirs[i])));
        expect(inspect(ours[i])).toMatch(/^Metadata \{\n {2}internalRepr: Map\(\d\) \{/);
        expect(structuredClone(ours[i])).toEqual(structuredClone(theirs[i]));
        expect(ours[i]!.clone()).toEqual(theirs[i]);
        expect(ours[i]).toBeInstanceOf(grpc.Metadata);
      }
    });

    test('are of one call alone, though the bytes were the same', async () => {
      const client = await open();
      for (let n = 0; n < 3; n++) {
        for (const metadata of await received(client, 'a')) {
          expect(metadata.get('x-mine')).toEqual([]);
          expect(metadata.get('x-id-bin')).toEqual([Buffer.from('a')]);
          metadata.set('x-mine', 'yes');
          (metadata.get('x-id-bin')[0] as Buffer).fill(0);
          metadata.get('x-id').push('more');
          (metadata.getOptions() as { waitForReady?: boolean }).waitForReady = true;
        }
      }
    });
  });
});
