import { nodeHttp2Transport, ownHttp2Transport, type StreamEnd } from '@podwire/http2';
import { afterEach, describe, expect, test } from 'vitest';
import { frame, literal, TYPE, uint32 } from './frames.mjs';
import { RawPeer } from './raw-peer.ts';

const CANCEL = 8;
const method = { path: '/grpc.health.v1.Health/Watch', authority: 'a', headers: ['te', 'trailers'] };
const goaway = (lastId: number) => frame(TYPE.GOAWAY, 0, 0, uint32(lastId, 0));
/** RFC 9113 §6.5.2, SETTINGS_MAX_CONCURRENT_STREAMS. */
const limit = (streams: number) =>
  frame(TYPE.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 3]), uint32(streams)]));
const whole = (id: number) =>
  frame(TYPE.HEADERS, 5, id, Buffer.concat([Buffer.from([0x88]), literal('grpc-status', '0')]));

let peer: RawPeer;
afterEach(() => peer.close());

/** Opens a stream that is no call; undefined where the connection has no place for it. */
function watch() {
  const seen = { end: undefined as StreamEnd | undefined };
  const stream = peer.connection.openBackground(
    { method, headers: [], maxReceiveBytes: 1024 },
    {
      onHeaders() {},
      onMessage() {},
      onEnd(end) {
        seen.end = end;
      },
    },
  );
  stream?.request(1);
  return stream && { stream, seen };
}

const CANCELLED = { kind: 'cancelled' };
const resets = () =>
  peer.ofType(TYPE.RST).map(({ streamId, payload }) => [streamId, payload.readUInt32BE(0)]);

describe.each([ownHttp2Transport, nodeHttp2Transport])(
  'over $name a stream in the background',
  (transport) => {
    test('is no open call', async () => {
      peer = await RawPeer.start(transport);
      const call = peer.call();
      const watched = watch();
      await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(2);
      expect(peer.connection.openStreams).toBe(1);
      peer.socket.write(whole(1));
      await expect.poll(() => call.seen.end).toBeDefined();
      expect(peer.connection.openStreams).toBe(0);
      peer.socket.write(whole(3));
      await expect.poll(() => watched?.seen.end).toMatchObject({ kind: 'trailers' });
      expect(peer.connection.openStreams).toBe(0);
    });

    test('is cancelled by GOAWAY, while calls go on', async () => {
      peer = await RawPeer.start(transport);
      const call = peer.call();
      const watched = watch();
      await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(2);
      peer.socket.write(goaway(3));
      await expect.poll(() => watched?.seen.end).toEqual(CANCELLED);
      await expect.poll(resets).toEqual([[3, CANCEL]]);
      expect([call.seen.end, peer.closed]).toEqual([undefined, undefined]);
      peer.socket.write(whole(1));
      await expect.poll(() => call.seen.end).toMatchObject({ kind: 'trailers' });
      await expect.poll(() => peer.closed).toBeDefined();
    });

    test('holds no connection open that is drained', async () => {
      peer = await RawPeer.start(transport);
      const watched = watch();
      await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(1);
      peer.connection.drain();
      await expect.poll(() => watched?.seen.end).toEqual(CANCELLED);
      await expect.poll(() => peer.closed).toBe('in order');
    });

    test('takes a place under MAX_CONCURRENT_STREAMS, and never the last', async () => {
      peer = await RawPeer.start(transport);
      peer.socket.write(limit(3));
      await expect.poll(() => peer.connection.maxConcurrentStreams).toBe(3);
      const [first, second, third] = [watch(), watch(), watch()];
      expect([first, second, third].map((one) => one !== undefined)).toEqual([true, true, false]);
      expect(peer.connection.hasRoom).toBe(true);
      peer.call();
      expect([peer.connection.hasRoom, peer.connection.openStreams]).toEqual([false, 1]);
      peer.socket.write(limit(2));
      await expect.poll(() => second?.seen.end).toEqual(CANCELLED);
      peer.socket.write(limit(1));
      await expect.poll(() => first?.seen.end).toEqual(CANCELLED);
      expect([watch(), peer.connection.openStreams]).toEqual([undefined, 1]);
    });
  },
);
