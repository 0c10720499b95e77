import { nodeHttp2Transport, ownHttp2Transport } from '@podwire/http2';
import { afterEach, describe, expect, test } from 'vitest';
import { frame, literal, TYPE, uint32 } from './frames.mjs';
import { RawPeer } from './raw-peer.ts';

const INTERNAL_ERROR = 2;
const ENHANCE_YOUR_CALM = 11;
const goaway = (lastId: number, errorCode: number, debugData = '') =>
  frame(TYPE.GOAWAY, 0, 0, Buffer.concat([uint32(lastId, errorCode), Buffer.from(debugData)]));
const whole = (id: number) =>
  Buffer.concat([
    frame(TYPE.HEADERS, 5, id, Buffer.concat([Buffer.from([0x88]), literal('grpc-status', '0')])),
  ]);

let peer: RawPeer;
afterEach(() => peer.close());

describe.each([ownHttp2Transport, nodeHttp2Transport])('over $name', (transport) => {
  /** Calls whose headers the peer has. */
  async function calls(count: number) {
    const all = Array.from({ length: count }, () => peer.call());
    await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(count);
    return all.map(({ seen }) => seen);
  }

  test('above the last id of a GOAWAY without an error nothing was processed', async () => {
    peer = await RawPeer.start(transport);
    const [first, second] = await calls(2);
    peer.socket.write(goaway(1, 0, 'max_age'));
    const reason = 'the Pod sent GOAWAY ("max_age")';
    await expect.poll(() => second!.end).toEqual({ kind: 'unprocessed', reason, leftClient: true });
    peer.socket.write(whole(1));
    await expect.poll(() => first!.end).toMatchObject({ kind: 'trailers' });
  });

  test('above that of one with an error it may have been, all the same', async () => {
    peer = await RawPeer.start(transport);
    const [, second] = await calls(2);
    peer.socket.write(goaway(1, INTERNAL_ERROR));
    const reason = 'the Pod sent GOAWAY with INTERNAL_ERROR';
    await expect.poll(() => second!.end).toEqual({ kind: 'connection-lost', reason });
  });

  test('why a connection ends is said first: GOAWAY with an error, then the end of the socket', async () => {
    peer = await RawPeer.start(transport);
    const [call] = await calls(1);
    peer.socket.end(goaway(1, ENHANCE_YOUR_CALM, 'too_many_pings'));
    const reason = 'the Pod sent GOAWAY with ENHANCE_YOUR_CALM ("too_many_pings")';
    await expect.poll(() => call!.end).toEqual({ kind: 'connection-lost', reason });
    await expect.poll(() => peer.closed).toBe(reason);
  });

  test('what a peer says of its reasons is shortened, and holds no control characters', async () => {
    peer = await RawPeer.start(transport);
    const [call] = await calls(1);
    peer.socket.end(goaway(1, 99, `\u001b[31m${'x'.repeat(5_000)}`));
    const reason = `the Pod sent GOAWAY with 99 ("?[31m${'x'.repeat(115)}")`;
    await expect.poll(() => call!.end).toEqual({ kind: 'connection-lost', reason });
  });

  describe('a connection that ends under its calls is lost, and resets none', () => {
    test.each([
      ['closed', () => peer.socket.end(), 'the Pod closed the connection'],
      ['reset', () => peer.socket.resetAndDestroy(), 'read ECONNRESET'],
    ])('%s', async (_name, end, reason) => {
      peer = await RawPeer.start(transport);
      const all = await calls(3);
      end();
      for (const one of all) await expect.poll(() => one.end).toEqual({ kind: 'connection-lost', reason });
      expect(peer.closed).toBe(reason);
    });

    test('after GOAWAY without an error', async () => {
      peer = await RawPeer.start(transport);
      const [call] = await calls(1);
      peer.socket.end(goaway(1, 0));
      const reason = 'the Pod closed the connection';
      await expect.poll(() => call!.end).toEqual({ kind: 'connection-lost', reason });
    });
  });

  test('a reset is one that the peer sent', async () => {
    peer = await RawPeer.start(transport);
    const [call] = await calls(1);
    peer.socket.write(frame(TYPE.RST, 0, 1, uint32(ENHANCE_YOUR_CALM)));
    await expect.poll(() => call!.end).toEqual({ kind: 'reset', errorCode: ENHANCE_YOUR_CALM });
  });
});

test('a call that begins as GOAWAY with an error is read never leaves, and what others write does', async () => {
  peer = await RawPeer.start(ownHttp2Transport);
  const first = peer.call();
  let second: ReturnType<RawPeer['call']> | undefined;
  const { connection } = peer;
  const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };
  connection.open(
    { method, headers: [], maxReceiveBytes: -1 },
    {
      onHeaders() {},
      onMessage() {},
      onEnd() {
        first.stream.sendMessage(Buffer.alloc(3), false, true, undefined);
        second = peer.call();
        second.stream.sendMessage(Buffer.alloc(20_000), false, true, undefined);
        first.stream.request(1);
      },
    },
  );
  await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(2);
  peer.socket.write(Buffer.concat([whole(3), goaway(3, INTERNAL_ERROR)]));
  const reason = 'the Pod sent GOAWAY with INTERNAL_ERROR';
  await expect.poll(() => second?.seen.end).toEqual({ kind: 'unprocessed', reason, leftClient: false });
  // What was written in the same turn for the calls up to the id has arrived, and nothing above it: 3 ends as its reply did.
  await expect.poll(() => peer.ofType(TYPE.DATA).map(({ streamId }) => streamId)).toEqual([3, 1]);
  peer.socket.write(Buffer.concat([frame(TYPE.PING, 0, 0, uint32(0, 1)), whole(1)]));
  await expect.poll(() => first.seen.end).toMatchObject({ kind: 'trailers' });
  expect(peer.frames.filter(({ streamId }) => streamId > 3)).toEqual([]);
});
