import { Metadata } from '@grpc/grpc-js';
import type { PodwireChannel } from 'podwire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FramePeer } from './http2/frame-peer.ts';
import { TYPE } from './http2/frames.mjs';
import { createChannel } from './support/channel.ts';

/** A Pod that takes whatever comes, once it opens its windows, and answers nothing. */
let peer: FramePeer;
let received = 0;
let channel: PodwireChannel;
beforeEach(async () => {
  received = 0;
  peer = await FramePeer.listen(({ type, payload }) => {
    if (type === TYPE.DATA) received += payload.length;
  });
  channel = createChannel(`static:///127.0.0.1:${peer.port}`);
  await channel.ready();
});
afterEach(async () => {
  await channel.close({ graceMs: 0 });
  await peer.close();
});

function startCall() {
  const call = channel.createCall('/a.B/C', Number.POSITIVE_INFINITY, null, null, null);
  call.start(new Metadata(), { onReceiveMetadata() {}, onReceiveMessage() {}, onReceiveStatus() {} });
  return call;
}

const MESSAGE = Buffer.alloc(1);
const FRAMED_BYTES = 6;

test('very many messages, each written from the callback of the one before', async () => {
  // Node's HTTP/2 takes ten times as long for each, and more on a busy machine; a stack of calls is full long before.
  const COUNT = process.env.PODWIRE_TEST_TRANSPORT === 'node-http2' ? 30_000 : 1_000_000;
  peer.openWindows();
  const call = startCall();
  let written = 0;
  const next = () => {
    if (written === COUNT) return call.halfClose();
    written += 1;
    call.sendMessageWithContext({ callback: next }, MESSAGE);
  };
  next();
  await expect.poll(() => received, { timeout: 25_000 }).toBe(COUNT * FRAMED_BYTES);
  call.cancelWithStatus(1, 'done');
});

test('a quarter of a million messages written without waiting leave in time that grows with their number alone', async () => {
  const COUNT = 250_000;
  const call = startCall();
  for (let i = 0; i < COUNT; i++) call.sendMessageWithContext({}, MESSAGE);
  await expect.poll(() => received).toBeGreaterThan(60_000);
  const startedMs = performance.now();
  peer.openWindows();
  await expect.poll(() => received, { timeout: 25_000 }).toBe(COUNT * FRAMED_BYTES);
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  call.cancelWithStatus(1, 'done');
});
