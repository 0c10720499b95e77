import { once } from 'node:events';
import { createServer, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { type ChannelOptions, createChannel, createClient, type PodwireChannel } from 'podwire';
import { afterEach, describe, expect, test } from 'vitest';
import { OrdersConstructor, ordersClient } from '../support/orders-client.ts';
import { FramePeer } from './frame-peer.ts';
import { frame, literal, okHeaders, TYPE } from './frames.mjs';

const KB = 1_000;
const FRAME_BYTES = 16_384;

let stop: () => Promise<void> | void;
let channel: PodwireChannel;
afterEach(async () => {
  await channel.close({ graceMs: 0 });
  await stop();
});

/** A unary call of each kind of client. */
async function errors(): Promise<grpc.ServiceError[]> {
  const clients = [ordersClient(channel), createClient(OrdersConstructor, channel)];
  return Promise.all(
    clients.map(
      (client) =>
        new Promise<grpc.ServiceError>((resolve) =>
          (client as ReturnType<typeof ordersClient>).get({}, (error) => resolve(error!)),
        ),
    ),
  );
}

describe.each(['http2', 'node-http2'] as const)('over %s', (transport) => {
  /** Ends every call with these trailers. */
  async function serve(trailers: Record<string, string>, options: ChannelOptions = {}) {
    const server: Http2Server = createServer({ maxSendHeaderBlockLength: 4 << 20 });
    const sessions = new Set<{ destroy(): void }>();
    let connections = 0;
    server.on('session', (session) => {
      connections += 1;
      sessions.add(session);
      session.on('error', () => {});
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      if (String(headers[':path']).endsWith('List')) return void stream.write(Buffer.alloc(5));
      stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      stream.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    stop = () => {
      for (const session of sessions) session.destroy();
      server.close();
    };
    channel = createChannel(`static:///127.0.0.1:${(server.address() as AddressInfo).port}`, {
      transport,
      ...options,
    });
    return { connections: () => connections };
  }
  const details = (bytes: number) => Buffer.alloc(bytes, 'what went wrong, at length; ');

  test('a status of 60 kB is told, however often, and the calls beside it go on', async () => {
    const bytes = details(60 * KB);
    const { connections } = await serve({
      'grpc-status': '5',
      'grpc-message': 'no such order',
      'grpc-status-details-bin': bytes.toString('base64'),
    });
    const beside = ordersClient(channel).list({});
    const ended: unknown[] = [];
    beside.on('error', (error) => ended.push(error));
    await once(beside, 'data');
    for (let i = 0; i < 20; i++) {
      for (const error of await errors()) {
        expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'no such order' });
        expect(bytes.equals(error.metadata.get('grpc-status-details-bin')[0] as Buffer)).toBe(true);
      }
    }
    expect(ended).toEqual([]);
    expect(connections()).toBe(1);
    beside.cancel();
  });

  test('an error whose trailers are over the limit is told without what does not fit', async () => {
    const { connections } = await serve(
      { 'a-large-one': 'x'.repeat(50 * KB), 'grpc-status': '5', 'grpc-message': 'no such order' },
      { maxHeaderBytes: 10 * KB },
    );
    for (let i = 0; i < 20; i++) {
      for (const error of await errors())
        expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'no such order' });
    }
    expect(connections()).toBe(1);
  });

  test('success whose trailers are over the limit is none, and counts against no Pod', async () => {
    const { connections } = await serve(
      { 'grpc-status': '0', 'a-large-one': 'x'.repeat(50 * KB) },
      { 'grpc.max_metadata_size': 10 * KB },
    );
    for (let i = 0; i < 20; i++) {
      for (const error of await errors())
        expect(error).toMatchObject({
          code: grpc.status.RESOURCE_EXHAUSTED,
          reason: 'HEADERS_TOO_LARGE',
          details: expect.stringMatching(
            /^received headers of 500\d\d bytes are larger than maxHeaderBytes, 10000 /,
          ),
        });
    }
    expect(connections()).toBe(1);
  });

  test('two hundred fields are not too many', async () => {
    await serve({
      'grpc-status': '5',
      ...Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`field-${i}`, 'x'])),
    });
    for (const error of await errors()) {
      expect(error.code).toBe(grpc.status.NOT_FOUND);
      expect(error.metadata.get('field-199')).toEqual(['x']);
    }
  });
});

describe('a header block', () => {
  let peer: FramePeer;
  /** Ends every call with a block of HEADERS and CONTINUATION. */
  async function start(block: Buffer, options: ChannelOptions = {}) {
    peer = await FramePeer.listen(({ type, streamId }) => {
      if (type !== TYPE.HEADERS) return;
      const pieces: Buffer[] = [okHeaders(streamId)];
      for (let at = 0; at < block.length; at += FRAME_BYTES) {
        const flags = (at === 0 ? 1 : 0) | (at + FRAME_BYTES >= block.length ? 4 : 0);
        const payload = Buffer.from(block.subarray(at, at + FRAME_BYTES));
        pieces.push(frame(at === 0 ? TYPE.HEADERS : TYPE.CONTINUATION, flags, streamId, payload));
      }
      peer.write(Buffer.concat(pieces));
    });
    stop = () => peer.close();
    channel = createChannel(`static:///127.0.0.1:${peer.port}`, options);
  }

  test('of 900 kB ends its call alone, changes the table, and gives its status', async () => {
    // The status lies in the table, at the end of a block that is thrown away: the second call finds it there.
    await start(
      Buffer.concat([
        literal('x', 'y'.repeat(900 * KB)),
        literal('grpc-status', '5', 0x40),
        literal('z', 'z'),
      ]),
    );
    for (let i = 0; i < 10; i++)
      for (const error of await errors()) expect(error.code).toBe(grpc.status.NOT_FOUND);
    expect(peer.connections).toBe(1);
  });

  test('of 1.1 MB ends the connection, unless more than a quarter of that is allowed', async () => {
    const block = Buffer.concat([literal('grpc-status', '5'), literal('x', 'y'.repeat(1_100 * KB))]);
    await start(block);
    for (const error of await errors()) expect(error.details).toContain('a header block without end');
    await channel.close({ graceMs: 0 });
    await stop();
    await start(block, { maxHeaderBytes: 2_000 * KB });
    for (const error of await errors()) {
      expect(error.code).toBe(grpc.status.NOT_FOUND);
      expect(error.metadata.get('x')).toEqual(['y'.repeat(1_100 * KB)]);
    }
  });
});

test('the limit is what SETTINGS say', async () => {
  let seen: Buffer | undefined;
  const peer = await FramePeer.listen(({ type, payload }) => {
    if (type === TYPE.SETTINGS && payload.length > 0) seen ??= payload;
  });
  stop = () => peer.close();
  channel = createChannel(`static:///127.0.0.1:${peer.port}`, { maxHeaderBytes: 12_345 });
  await channel.ready();
  await expect.poll(() => seen).toBeDefined();
  const entries = Array.from({ length: seen!.length / 6 }, (_, i) => [
    seen!.readUInt16BE(6 * i),
    seen!.readUInt32BE(6 * i + 2),
  ]);
  expect(Object.fromEntries(entries)).toMatchObject({ 6: 12_345 });
});
