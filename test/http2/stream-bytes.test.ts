import { gzipSync } from 'node:zlib';
import { nodeHttp2Transport, ownHttp2Transport, type Stream } from '@podwire/http2';
import { describe, expect, test } from 'vitest';
import { frame, literal, TYPE } from './frames.mjs';
import { RawPeer } from './raw-peer.ts';

const END_STREAM = 1;
const END_HEADERS = 4;
/** Inflated at once, and off the event loop. */
const SHORT = gzipSync(Buffer.alloc(5_000, 'a'));
const LONG = gzipSync(Buffer.alloc(3_000_000, 'b'));

function message(bytes: Uint8Array, compressed = false): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const headers = frame(
  TYPE.HEADERS,
  END_HEADERS,
  1,
  Buffer.concat([Buffer.from([0x88]), literal('grpc-encoding', 'gzip')]),
);
const trailers = frame(TYPE.HEADERS, END_HEADERS | END_STREAM, 1, literal('grpc-status', '0'));
const data = (bytes: Buffer<ArrayBuffer>) => frame(TYPE.DATA, 0, 1, bytes);

/** Replies, and by how much each grows the count. */
const replies: [string, Buffer[], number[]][] = [
  ['one message', [data(message(Buffer.alloc(10)))], [10]],
  ['an empty one', [data(message(Buffer.alloc(0)))], [0]],
  ['several in a frame', [data(Buffer.concat([1, 2, 3].map((n) => message(Buffer.alloc(n)))))], [1, 2, 3]],
  [
    'one in pieces',
    [data(message(Buffer.alloc(100)).subarray(0, 3)), data(message(Buffer.alloc(100)).subarray(3))],
    [100],
  ],
  ['a compressed one', [data(message(SHORT, true))], [SHORT.length]],
  ['a compressed one that takes long to inflate', [data(message(LONG, true))], [LONG.length]],
  [
    'compressed and plain ones',
    [data(Buffer.concat([message(SHORT, true), message(Buffer.alloc(7)), message(LONG, true)]))],
    [SHORT.length, 7, LONG.length],
  ],
];

describe.each([ownHttp2Transport, nodeHttp2Transport])('over $name', (transport) => {
  test.each(replies)(
    'bytes are counted as they came, before the message is told: %s',
    async (_name, sent, sizes) => {
      const peer = await RawPeer.start(transport);
      const counts: number[] = [];
      let stream!: Stream;
      const ended = new Promise((resolve) => {
        const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };
        stream = peer.connection.open(
          { method, headers: [], maxReceiveBytes: 4 << 20 },
          {
            onHeaders() {},
            onMessage() {
              counts.push(stream.receivedBytes);
              // One at a time: what lies there already is delivered by `request`.
              setImmediate(() => stream.request(1));
            },
            onEnd: resolve,
          },
        )!;
      });
      stream.request(1);
      stream.halfClose();
      await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(1);
      peer.socket.write(Buffer.concat([headers, ...sent, trailers]));
      expect(await ended).toMatchObject({ kind: 'trailers' });
      const sums = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size));
      expect(counts).toEqual(sums);
      expect(stream.receivedBytes).toBe(sums.at(-1));
      expect(stream.sentBytes).toBe(0);
      await peer.close();
    },
  );

  test('what is sent is counted when it is taken, and nothing behind the end', async () => {
    const peer = await RawPeer.start(transport);
    const { stream, seen } = peer.call();
    stream.sendMessage(Buffer.alloc(10), false, false, undefined);
    expect(stream.sentBytes).toBe(10);
    stream.sendMessage(SHORT, true, false, undefined);
    // More than the peer's window.
    stream.sendMessage(Buffer.alloc(200_000), false, true, undefined);
    const all = 10 + SHORT.length + 200_000;
    expect(stream.sentBytes).toBe(all);
    stream.sendMessage(Buffer.alloc(1), false, false, undefined);
    expect(stream.sentBytes).toBe(all);
    stream.cancel(8);
    await expect.poll(() => seen.end).toEqual({ kind: 'cancelled' });
    stream.sendMessage(Buffer.alloc(1), false, false, undefined);
    expect(stream.sentBytes).toBe(all);
    expect(stream.receivedBytes).toBe(0);
    await peer.close();
  });
});
