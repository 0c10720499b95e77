import {
  type CloseCause,
  type Connection,
  closeText,
  ownHttp2Transport,
  type StreamEnd,
} from '@podwire/http2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from './connect.ts';
import { FramePeer } from './frame-peer.ts';
import { frame, literal, message, OK_BLOCK, okHeaders, settings, TYPE, trailers, uint32 } from './frames.mjs';

/** More calls than any table of resets should forget, whose deadlines pass while their Pod stalls. */
const CALLS = 10_000;
const CANCEL = 8;

let peer: FramePeer;
let connection: Connection;
let closed: string | undefined;
let newest = -1;
let sent = 0;
beforeEach(async () => {
  [closed, newest, sent] = [undefined, -1, 0];
  peer = await FramePeer.listen(({ type, streamId, payload }) => {
    if (type === TYPE.HEADERS) newest = streamId;
    if (type === TYPE.DATA) sent += payload.length;
  });
  const onClosed = (cause?: CloseCause) => {
    closed = cause === undefined ? 'in order' : closeText(cause);
  };
  connection = connect(ownHttp2Transport, peer.port, {}, { onClosed });
  await expect.poll(() => connection.state).toBe('ready');
  peer.openWindows();
});
afterEach(async () => {
  connection.destroy('the test is over');
  await expect.poll(() => closed).toBeDefined();
  await peer.close();
});

const method = { path: '/a.B/C', authority: 'a', headers: ['te', 'trailers'] };

function call(ends: StreamEnd[], last = true) {
  const handler = { onHeaders() {}, onMessage() {}, onEnd: (end: StreamEnd) => ends.push(end) };
  const stream = connection.open({ method, headers: [], maxReceiveBytes: -1 }, handler)!;
  stream.request(1);
  stream.sendMessage(Buffer.alloc(1), false, last, undefined);
  return stream;
}

/** A call must still get its reply on the connection. */
async function expectUsable(): Promise<void> {
  const ends: StreamEnd[] = [];
  const id = newest + 2;
  call(ends);
  await expect.poll(() => newest).toBe(id);
  peer.write(frame(TYPE.HEADERS, 5, id, OK_BLOCK));
  await expect.poll(() => ends.length).toBe(1);
  expect(ends[0]).toMatchObject({ kind: 'trailers' });
  expect(closed).toBeUndefined();
}

/** So many calls, each given up. What the peer is told of that, it is told in time. */
async function giveUp(count: number): Promise<number[]> {
  const ends: StreamEnd[] = [];
  const first = newest + 2;
  // Its heads alone must not jam the connection.
  for (let i = 0; i < count; ) {
    const streams = Array.from({ length: Math.min(500, count - i) }, () => call(ends));
    i += streams.length;
    await expect.poll(() => newest, { timeout: 5_000 }).toBe(first + 2 * (i - 1));
    for (const stream of streams) stream.cancel(CANCEL);
  }
  return Array.from({ length: count }, (_, i) => first + 2 * i);
}

const reply = (id: number) =>
  Buffer.concat([okHeaders(id), frame(TYPE.DATA, 0, id, message(Buffer.alloc(5))), trailers(id)]);

test('a Pod that stalled may answer all the calls that were given up meanwhile', async () => {
  const ids = await giveUp(CALLS);
  peer.write(Buffer.concat(ids.map(reply)));
  await expectUsable();
});

test('a Pod may reset all the calls whose deadline it sees pass as we do', async () => {
  const ids = await giveUp(CALLS);
  peer.write(Buffer.concat(ids.map((id) => frame(TYPE.RST, 0, id, uint32(CANCEL)))));
  await expectUsable();
});

test('a Pod may say behind every reply that the rest of the request is not needed', async () => {
  const ends: StreamEnd[] = [];
  for (let id = 1; id < 2 * CALLS; ) {
    const before = id;
    for (; id < before + 1000; id += 2) call(ends, id % 4 === 1);
    await expect.poll(() => newest, { timeout: 5_000 }).toBe(id - 2);
    const replies = [];
    for (let at = before; at < id; at += 2) {
      replies.push(frame(TYPE.HEADERS, 5, at, OK_BLOCK), frame(TYPE.RST, 0, at, uint32(0)));
    }
    peer.write(Buffer.concat(replies));
    await expect.poll(() => ends.length, { timeout: 5_000 }).toBe((id - 1) / 2);
  }
  await expectUsable();
});

test('readers that stop early leave what was under way to them, and it is no flood', async () => {
  const small = (id: number) => frame(TYPE.DATA, 0, id, message(Buffer.alloc(50)));
  for (let round = 0; round < 20; round++) {
    const ends: StreamEnd[] = [];
    const id = newest + 2;
    const stream = call(ends);
    await expect.poll(() => newest).toBe(id);
    stream.cancel(CANCEL);
    peer.write(Buffer.concat([okHeaders(id), ...new Array<Buffer>(2_000).fill(small(id))]));
    await expectUsable();
  }
});

test.each([
  ['DATA', (id: number) => frame(TYPE.DATA, 0, id, Buffer.alloc(1))],
  ['headers', (id: number) => frame(TYPE.HEADERS, 4, id, literal('a', 'b'))],
  ['resets', (id: number) => frame(TYPE.RST, 0, id, uint32(CANCEL))],
])('%s without end on a call that was given up are a flood', async (_name, bytes) => {
  const [id] = await giveUp(1);
  const flood = Buffer.concat(new Array<Buffer>(20_000).fill(bytes(id!)));
  for (let i = 0; i < 4; i++) peer.write(flood);
  await expect.poll(() => closed, { timeout: 5_000 }).toMatch(/flood/);
});

test('a million messages, each written when the one before may be followed, do not fill the stack', async () => {
  const COUNT = 1_000_000;
  const ends: StreamEnd[] = [];
  const stream = call(ends, false);
  const bytes = Buffer.alloc(1);
  let written = 0;
  await new Promise<void>((resolve) => {
    const next = () => {
      if (written === COUNT) return resolve();
      written += 1;
      stream.sendMessage(bytes, false, written === COUNT, next);
    };
    next();
  });
  await expect.poll(() => sent, { timeout: 20_000 }).toBe((COUNT + 1) * 6);
});

test('settings that move the windows of a thousand streams again and again are a flood', async () => {
  const ends: StreamEnd[] = [];
  for (let i = 0; i < 1000; i++) call(ends);
  await expect.poll(() => newest).toBe(1999);
  const moves = Array.from({ length: 500 }, (_, i) => settings([4, 100_000 + i]));
  const startedMs = performance.now();
  peer.write(Buffer.concat(moves));
  await expect.poll(() => closed, { timeout: 5_000 }).toMatch(/flood/);
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});
