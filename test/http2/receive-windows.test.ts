import { ownHttp2Transport, type Stream } from '@podwire/http2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { frame, okHeaders, TYPE } from './frames.mjs';
import { RawPeer } from './raw-peer.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const FRAME_BYTES = 16 * KIB;
const ACK = 1;

let peer: RawPeer;
beforeEach(async () => {
  peer = await RawPeer.start(ownHttp2Transport);
  await expect.poll(() => peer.ofType(TYPE.SETTINGS).length).toBe(2);
});
afterEach(() => peer.close());

/** So many bytes of one message of that size, in frames, its prefix included. */
function data(id: number, count: number, messageBytes: number): Buffer {
  const bytes = Buffer.alloc(count);
  bytes.writeUInt32BE(messageBytes, 1);
  return Buffer.concat(
    Array.from({ length: Math.ceil(count / FRAME_BYTES) }, (_, i) =>
      frame(TYPE.DATA, 0, id, bytes.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES)),
    ),
  );
}
const startWindow = () => {
  const entries = peer.ofType(TYPE.SETTINGS)[0]!.payload;
  for (let at = 0; at < entries.length; at += 6)
    if (entries.readUInt16BE(at) === 4) return entries.readUInt32BE(at + 2);
  throw new Error('no SETTINGS_INITIAL_WINDOW_SIZE');
};
const given = (id: number) =>
  peer
    .ofType(TYPE.WINDOW)
    .filter(({ streamId }) => streamId === id)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
const pinged = () => peer.ofType(TYPE.PING).filter(({ flags }) => flags === 0).length;
/** All that was written before was read, and answered. */
async function read(): Promise<void> {
  const before = peer.ofType(TYPE.PING).filter(({ flags }) => flags === ACK).length;
  peer.socket.write(frame(TYPE.PING, 0, 0, Buffer.alloc(8)));
  await expect
    .poll(() => peer.ofType(TYPE.PING).filter(({ flags }) => flags === ACK).length)
    .toBe(before + 1);
}

test('a stream starts with a small window, and gets no more while its caller does not read', async () => {
  peer.call(0);
  const bytes = startWindow();
  expect(bytes).toBeLessThanOrEqual(128 * KIB);
  peer.socket.write(Buffer.concat([okHeaders(1), data(1, bytes, MIB)]));
  await read();
  expect(given(1)).toBe(0);
  expect(pinged()).toBe(0);
  peer.socket.write(frame(TYPE.DATA, 0, 1, Buffer.alloc(1)));
  await expect.poll(() => peer.closed).toContain('more DATA than the window of a stream allows');
});

test('the rest of a message that the caller waits for is allowed at once', async () => {
  const { seen } = peer.call(1);
  peer.socket.write(Buffer.concat([okHeaders(1), data(1, FRAME_BYTES, MIB)]));
  await read();
  const rest = MIB + 5 - FRAME_BYTES;
  expect(startWindow() - FRAME_BYTES + given(1)).toBe(rest);
  peer.socket.write(frame(TYPE.DATA, 0, 1, Buffer.alloc(FRAME_BYTES)));
  await read();
  expect(startWindow() - 2 * FRAME_BYTES + given(1)).toBe(rest - FRAME_BYTES);
  for (let left = rest - FRAME_BYTES; left > 0; left -= FRAME_BYTES)
    peer.socket.write(frame(TYPE.DATA, 0, 1, Buffer.alloc(Math.min(left, FRAME_BYTES))));
  await expect.poll(() => seen.messages.length).toBe(1);
});

test('where callers waited for long messages, the next call may get one at once, and a few calls later no more', async () => {
  const first = peer.call(1);
  peer.socket.write(Buffer.concat([okHeaders(1), data(1, FRAME_BYTES, MIB)]));
  await read();
  first.stream.cancel(8);
  const next = peer.call(1);
  await expect.poll(() => given(3)).toBeGreaterThan(MIB / 2);
  expect(startWindow() + given(3)).toBeLessThanOrEqual(MIB + FRAME_BYTES);
  next.stream.cancel(8);
  for (let i = 0; i < 100; i++) peer.call(1).stream.cancel(8);
  const last = peer.call(1);
  await read();
  expect(given(2 * 102 + 1)).toBe(0);
  last.stream.cancel(8);
});

test('while callers of a connection leave too much unread, streams get the smallest window, and the old one after that', async () => {
  const bytes = startWindow();
  const stuck = Array.from({ length: Math.ceil((20 * MIB) / bytes) }, () => peer.call(0));
  const frames = stuck.map((_, i) =>
    Buffer.concat([okHeaders(2 * i + 1), data(2 * i + 1, bytes - 10 * KIB, 4 * KIB - 5)]),
  );
  for (const one of frames) peer.socket.write(one);
  const changes = () => peer.ofType(TYPE.SETTINGS).filter(({ flags }) => flags !== ACK);
  await expect.poll(() => changes().length).toBe(2);
  expect(changes()[1]!.payload.readUInt32BE(2)).toBe(FRAME_BYTES);
  // What was on its way before the peer knew is no offence.
  peer.socket.write(frame(TYPE.DATA, 0, 1, Buffer.alloc(10 * KIB)));
  await read();
  expect(peer.closed).toBeUndefined();
  for (const { stream } of stuck.slice(1)) stream.cancel(8);
  const last = peer.call(0);
  await expect.poll(() => changes().length).toBe(3);
  expect(changes()[2]!.payload.readUInt32BE(2)).toBe(bytes);
  last.stream.cancel(8);
});

test('a peer that has acknowledged the smallest window keeps to it', async () => {
  const bytes = startWindow();
  const stuck = Array.from({ length: Math.ceil((20 * MIB) / bytes) }, () => peer.call(0));
  for (const [i] of stuck.entries())
    peer.socket.write(Buffer.concat([okHeaders(2 * i + 1), data(2 * i + 1, bytes - 10 * KIB, 4 * KIB - 5)]));
  await expect.poll(() => peer.ofType(TYPE.SETTINGS).filter(({ flags }) => flags !== ACK).length).toBe(2);
  const acknowledged = frame(TYPE.SETTINGS, ACK, 0);
  peer.socket.write(Buffer.concat([acknowledged, acknowledged, frame(TYPE.DATA, 0, 1, Buffer.alloc(1))]));
  await expect.poll(() => peer.closed).toContain('more DATA than the window of a stream allows');
});

test('a window grows while the caller reads all of it within a round trip', async () => {
  const { stream } = peer.call(1_000_000);
  peer.socket.write(okHeaders(1));
  const message = data(1, 4 * KIB, 4 * KIB - 5);
  const window = startWindow();
  for (let i = 0; i < window / (4 * KIB); i++) peer.socket.write(message);
  await expect.poll(pinged).toBe(1);
  for (let i = 0; i < window / (4 * KIB); i++) peer.socket.write(message);
  await read();
  const before = given(1);
  const ping = peer.ofType(TYPE.PING).find(({ flags }) => flags === 0)!;
  peer.socket.write(frame(TYPE.PING, ACK, 0, Buffer.from(ping.payload)));
  await read();
  expect(given(1) - before).toBeGreaterThanOrEqual(window);
  stream.cancel(8);
});

test('a peer that sent nothing since it was last pinged is not pinged because its streams are read', async () => {
  const window = startWindow();
  const count = window / (4 * KIB);
  const full = (id: number) => {
    const message = data(id, 4 * KIB, 4 * KIB - 5);
    return Buffer.concat(Array.from({ length: count }, () => message));
  };
  const calls = Array.from({ length: 6 }, (_, i) => ({ id: 2 * i + 1, stream: peer.call(0).stream }));
  for (const { id } of calls) peer.socket.write(okHeaders(id));
  const fill = async () => {
    for (const { id } of calls) peer.socket.write(full(id));
    await read();
  };
  const readOne = async (stream: Stream) => {
    stream.request(count);
    await read();
    const ping = peer.ofType(TYPE.PING).findLast(({ flags }) => flags === 0);
    if (ping !== undefined) peer.socket.write(frame(TYPE.PING, ACK, 0, Buffer.from(ping.payload)));
    await read();
  };
  for (let round = 0; round < 3; round++) {
    await fill();
    for (const { stream } of calls) stream.request(count);
    await read();
  }
  expect(pinged()).toBe(0);
  await fill();
  for (const { stream } of calls) await readOne(stream);
  // grpc-go counts PINGs between which it sent nothing, and ends the connection at the third, with `too_many_pings`.
  expect(pinged()).toBe(1);
  peer.socket.write(full(1));
  await readOne(calls[0]!.stream);
  expect(pinged()).toBe(2);
  for (const { stream } of calls) stream.cancel(8);
});
