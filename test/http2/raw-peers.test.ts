import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { nodeHttp2Transport, ownHttp2Transport } from '@podwire/http2';
import { afterEach, describe, expect, test } from 'vitest';
import { frame, message, okHeaders, settings, TYPE, trailers, uint32 } from './frames.mjs';
import { RawPeer } from './raw-peer.ts';

const END_STREAM = 1;
const ACK = 1;
const PADDED = 8;
/** "No error", of a peer that goes when its calls are done. */
const GRACEFUL_GOAWAY = frame(TYPE.GOAWAY, 0, 0, uint32(0x7fffffff, 0));

let peer: RawPeer;
afterEach(() => peer.close());

describe.each([ownHttp2Transport, nodeHttp2Transport])('over $name', (transport) => {
  test('frames that reads cut behind their heads and before their padding are no flood', async () => {
    const COUNT = 1_500;
    peer = await RawPeer.start(transport);
    const { stream, seen } = peer.call(COUNT);
    stream.halfClose();
    await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(1);
    peer.socket.write(okHeaders(1));
    const payload = Buffer.concat([Buffer.from([4]), message(Buffer.alloc(100)), Buffer.alloc(4)]);
    const whole = frame(TYPE.DATA, PADDED, 1, payload);
    const cuts = [0, 9, 10, whole.length - 4, whole.length];
    for (let i = 0; i < COUNT && peer.closed === undefined; i++) {
      for (const [at, from] of cuts.slice(0, -1).entries()) {
        peer.socket.write(whole.subarray(from, cuts[at + 1]));
        await nextTurn();
      }
    }
    peer.socket.write(trailers(1));
    await expect.poll(() => seen.end).toMatchObject({ kind: 'trailers' });
    expect(seen.messages).toHaveLength(COUNT);
  });

  test('new settings are acknowledged before they are used', async () => {
    peer = await RawPeer.start(transport);
    const { stream } = peer.call();
    stream.sendMessage(Buffer.alloc(300_000), false, true, undefined);
    const sentBytes = () => peer.ofType(TYPE.DATA).reduce((sum, { payload }) => sum + payload.length, 0);
    await expect.poll(sentBytes).toBe(65_535);
    const before = peer.frames.length;
    peer.socket.write(
      Buffer.concat([frame(TYPE.WINDOW, 0, 0, uint32(1 << 20)), settings([5, 65_536], [4, 1 << 20])]),
    );
    await expect.poll(sentBytes).toBe(300_005);
    expect(peer.frames[before]).toMatchObject({ type: TYPE.SETTINGS, flags: ACK });
  });

  test('nothing more is sent for a call whose whole reply is here, and whose peer has reset it', async () => {
    peer = await RawPeer.start(transport);
    const { stream, seen } = peer.call(0);
    await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(1);
    const reply = [okHeaders(1), frame(TYPE.DATA, 0, 1, message(Buffer.alloc(10))), trailers(1)];
    peer.socket.write(Buffer.concat([...reply, frame(TYPE.RST, 0, 1, uint32(0))]));
    const ping = (id: number) => frame(TYPE.PING, 0, 0, uint32(0, id));
    peer.socket.write(ping(1));
    await expect.poll(() => peer.ofType(TYPE.PING).length).toBe(1);
    let done = 0;
    for (let i = 0; i < 2; i++) stream.sendMessage(Buffer.alloc(100), false, i === 1, () => done++);
    await expect.poll(() => done).toBe(2);
    stream.request(2);
    await expect.poll(() => seen.end).toMatchObject({ kind: 'trailers' });
    expect(seen.messages).toHaveLength(1);
    peer.socket.write(ping(2));
    await expect.poll(() => peer.ofType(TYPE.PING).length).toBe(2);
    expect(peer.frames.filter(({ streamId }) => streamId === 1)).toHaveLength(1);
  });

  describe('a Pod that dies while its connection drains ends its calls', () => {
    test('after the client began it, by a PING', async () => {
      peer = await RawPeer.start(transport, { keepaliveTimeMs: 50, keepaliveTimeoutMs: 50 });
      const { seen } = peer.call();
      peer.connection.drain();
      await expect.poll(() => seen.end).toMatchObject({ kind: 'connection-lost', reason: /PING/ });
    });

    // TCP needs ten seconds more than the silence; that it has begun to count is seen at once.
    test.runIf(process.platform === 'linux')('after GOAWAY, by TCP', async () => {
      peer = await RawPeer.start(transport, { keepaliveTimeMs: 50, keepaliveTimeoutMs: 50 });
      peer.call();
      const watched = () => isKeptAlive(peer.socket.remotePort!);
      expect(watched()).toBe(false);
      peer.socket.write(GRACEFUL_GOAWAY);
      await expect.poll(watched).toBe(true);
      expect(peer.ofType(TYPE.PING)).toEqual([]);
    });
  });
});

/** Whether the kernel's timer for a socket with this local port is that of TCP keepalive. */
function isKeptAlive(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((text) => text.trim().split(/\s+/))
    .find((columns) => columns[1]?.endsWith(local));
  return line?.[5]?.startsWith('02:') ?? false;
}

test.each([
  ['DATA', frame(TYPE.DATA, 0, 1, message(Buffer.alloc(10)))],
  ['HEADERS', frame(TYPE.HEADERS, 4 | END_STREAM, 1, Buffer.from([0x88]))],
])('%s behind the end of a reply that nobody has read yet break its call', async (name, bytes) => {
  peer = await RawPeer.start(ownHttp2Transport);
  const { stream, seen } = peer.call(0);
  stream.halfClose();
  await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(1);
  const reply = [okHeaders(1), frame(TYPE.DATA, 0, 1, message(Buffer.alloc(10))), trailers(1)];
  peer.socket.write(Buffer.concat([...reply, bytes]));
  const reason = `${name} after the end of the stream`;
  await expect.poll(() => seen.end).toEqual({ kind: 'protocol-error', reason });
  const STREAM_CLOSED = 5;
  await expect
    .poll(() => peer.ofType(TYPE.RST).map(({ payload }) => payload.readUInt32BE()))
    .toEqual([STREAM_CLOSED]);
});

test('messages of which a peer sent only the length take little of the memory that V8 counts', async () => {
  const CALLS = 400;
  peer = await RawPeer.start(ownHttp2Transport);
  const beforeBytes = process.memoryUsage().external;
  for (let i = 0; i < CALLS; i++) peer.call().stream.halfClose();
  await expect.poll(() => peer.ofType(TYPE.HEADERS).length).toBe(CALLS);
  const THREE_MIB = Buffer.from([0, 0, 0x30, 0, 0, 1]);
  const replies = peer
    .ofType(TYPE.HEADERS)
    .flatMap(({ streamId }) => [okHeaders(streamId), frame(TYPE.DATA, 0, streamId, THREE_MIB)]);
  peer.socket.write(Buffer.concat([...replies, frame(TYPE.PING, 0, 0, uint32(0, 1))]));
  await expect.poll(() => peer.ofType(TYPE.PING).length).toBe(1);
  expect(process.memoryUsage().external - beforeBytes).toBeLessThan(64e6);
});
