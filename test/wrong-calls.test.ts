import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, createChannel, createClient } from 'podwire';
import { describe, expect, test } from 'vitest';
import { get, ordersClient } from './support/orders-client.ts';
import { OrdersFixture } from './support/orders-fixture.ts';

// What a caller gives wrong fails that call, with what was wrong; never another call, the connection or the process.
describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  const orders = new OrdersFixture();
  const open = (options: ChannelOptions = {}) => orders.readyChannel({ transport, ...options });
  const metadata = (...entries: readonly [string, string][]) => {
    const all = new grpc.Metadata();
    for (const [key, value] of entries) all.add(key, value);
    return all;
  };

  test('a hashKey that throws fails its call alone', async () => {
    const hashKey: ChannelOptions['hashKey'] = ({ metadata }) => {
      if (metadata.get('boom').length > 0) throw new Error('no such tenant');
      return 'a';
    };
    const channel = await open({ policy: 'maglev', hashKey });
    const client = ordersClient(channel);
    const wrong = get(client, {}, metadata(['boom', '1']));
    const right = [get(client), get(client)];
    await expect(wrong).rejects.toMatchObject({
      code: grpc.status.INTERNAL,
      reason: 'INVALID_CALL',
      details: expect.stringContaining('hashKey threw: no such tenant'),
    });
    await Promise.all(right);
    // A stream begins in a batch with others of its turn.
    const chats = [client.chat(metadata(['boom', '1'])), client.chat()];
    for (const chat of chats) chat.write({ id: 'a' });
    await expect(once(chats[0]!, 'data')).rejects.toMatchObject({ reason: 'INVALID_CALL' });
    await once(chats[1]!, 'data');
    chats[1]!.end();
    await once(chats[1]!.resume(), 'end');
    expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  });

  test('a hashKey that returns no text fails its call, and none is no key', async () => {
    const channel = await open({ policy: 'ring_hash', hashKey: (() => 7) as never });
    await expect(get(ordersClient(channel))).rejects.toMatchObject({
      reason: 'INVALID_CALL',
      details: expect.stringContaining('hashKey returned 7, which is no string'),
    });
    await get(ordersClient(await open({ policy: 'ring_hash', hashKey: (() => null) as never })));
  });

  test.each(['', 'noslash', '/a\r\nx: y', '/a b', '/\0', '/žluť/Get', `/${'a'.repeat(5_000)}`, undefined, 5])(
    'the method %j is refused',
    async (path) => {
      const channel = await open();
      const client = new grpc.Client('', grpc.credentials.createInsecure(), { channelOverride: channel });
      const call = () =>
        client.makeUnaryRequest(
          path as string,
          (bytes: Buffer) => bytes,
          (bytes: Buffer) => bytes,
          Buffer.alloc(0),
          () => {},
        );
      expect(call).toThrow(/^method: .* must be \/package\.Service\/Method/);
      await get(ordersClient(channel));
      expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
    },
  );

  test.each(['', 'a\r\nb', 'a b', 'žluť', 'a'.repeat(2_000), 5])('the host %j is refused', async (host) => {
    const channel = await open();
    const wrong = () => get(ordersClient(channel), {}, new grpc.Metadata(), { host: host as string });
    await expect(wrong()).rejects.toThrow(/^host: .* must be/);
    await get(ordersClient(channel));
    expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', '"text"'],
    [{ id: 'a' }, '{"id":"a"}'],
    [[1, 2], '[1,2]'],
    [7, '7'],
  ])('a serializer that returns %j, which is no Buffer, fails its call alone', async (wrong, shown) => {
    const channel = await open();
    const credentials = grpc.credentials.createInsecure();
    const raw = (bytes: Buffer) => bytes;
    const broken = () => wrong as never;
    for (const client of [
      new grpc.Client('', credentials, { channelOverride: channel }),
      createClient(grpc.Client, channel),
    ]) {
      const path = '/podwire.test.Orders/Chat';
      const ended: Promise<unknown>[] = [];
      const callback = () => {
        let done = (_: unknown) => {};
        ended.push(new Promise((resolve) => (done = resolve)));
        return (error: unknown) => done(error);
      };
      client.makeUnaryRequest(path, broken, raw, 'a', callback());
      client.makeServerStreamRequest(path, broken, raw, 'a').on('error', callback()).resume();
      client.makeClientStreamRequest(path, broken, raw, callback()).write('a');
      const chat = client.makeBidiStreamRequest(path, broken, raw).on('error', callback());
      chat.resume().write('a');
      // In the same turn.
      const right = get(ordersClient(channel));
      for (const error of await Promise.all(ended))
        expect(error).toMatchObject({
          code: grpc.status.INTERNAL,
          reason: 'INVALID_CALL',
          details: expect.stringContaining(`the serializer returned ${shown}, which is no Buffer [`),
        });
      await right;
    }
    expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  });

  test('headers of one hop fail the call alone, and what appears twice is sent', async () => {
    const channel = await open();
    const hop = get(ordersClient(channel), {}, metadata(['http2-settings', 'AAMAAABk'], ['upgrade', 'h2c']));
    await expect(hop).rejects.toMatchObject({ code: grpc.status.INTERNAL, reason: 'INVALID_CALL' });
    // node:http2 sends some headers once only: that fails the call, and nothing else.
    const twice = get(ordersClient(channel), {}, metadata(['date', 'a'], ['date', 'b']));
    if (transport === 'http2') await twice;
    else await expect(twice).rejects.toMatchObject({ details: expect.stringContaining('"date"') });
    await get(ordersClient(channel));
    expect(channel.snapshot().calls).toEqual({ open: 0, waiting: 0 });
  });

  test('a key that is not the certificate’s is refused at once', () => {
    const pem = (name: string) => readFileSync(new URL(`certs/${name}`, import.meta.url));
    const tls = { cert: pem('client-one.pem'), key: pem('client-two.key') };
    expect(() => createChannel('static:///a:1', { transport, tls })).toThrow(
      'is not the key of the certificate',
    );
    expect(() => createChannel('static:///a:1', { transport, tls: { ...tls, key: 'garbage' } })).toThrow(
      /^options\.tls\.key .*is no PEM key/,
    );
  });
});
