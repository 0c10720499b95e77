import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import type { PodwireChannel } from 'podwire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { frame, frameReader, settings, TYPE, uint32 } from './http2/frames.mjs';
import { createChannel } from './support/channel.ts';

/** A Pod that takes whatever comes, once it opens its windows, and answers nothing. */
let server: Server;
let peer: Socket;
let received = 0;
let channel: PodwireChannel;
beforeEach(async () => {
  received = 0;
  const read = frameReader(({ type, payload }: { type: number; payload: Buffer }) => {
    if (type === TYPE.DATA) received += payload.length;
  });
  server = createServer((socket) => {
    peer = socket;
    socket.on('data', read).on('error', () => {});
    socket.write(settings());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  channel = createChannel(`static:///127.0.0.1:${(server.address() as AddressInfo).port}`);
  await channel.ready();
});
afterEach(async () => {
  await channel.close({ graceMs: 0 });
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

function openWindows(): void {
  peer.write(settings([4, 0x7fffffff]));
  peer.write(frame(TYPE.WINDOW, 0, 0, uint32(0x7fffffff - 65_535)));
}

function startCall() {
  const call = channel.createCall('/a.B/C', Number.POSITIVE_INFINITY, null, null, null);
  call.start(new Metadata(), { onReceiveMetadata() {}, onReceiveMessage() {}, onReceiveStatus() {} });
  return call;
}

const MESSAGE = Buffer.alloc(1);
const FRAMED_BYTES = 6;

test('very many messages, each written from the callback of the one before', async () => {
  // Node's HTTP/2 takes ten times as long for each.
  const COUNT = process.env.PODWIRE_TEST_TRANSPORT === 'node-http2' ? 100_000 : 1_000_000;
  openWindows();
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

test('a quarter of a million messages that nobody waited with leave in time that grows with their number alone', async () => {
  const COUNT = 250_000;
  const call = startCall();
  for (let i = 0; i < COUNT; i++) call.sendMessageWithContext({}, MESSAGE);
  await expect.poll(() => received).toBeGreaterThan(60_000);
  const startedMs = performance.now();
  openWindows();
  await expect.poll(() => received, { timeout: 25_000 }).toBe(COUNT * FRAMED_BYTES);
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  call.cancelWithStatus(1, 'done');
});
