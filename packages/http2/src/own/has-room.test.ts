import type { Socket } from 'node:net';
import { VirtualClock } from '@podwire/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OwnConnection } from './connection.ts';
import { FrameType } from './frames/frame.ts';
import type { OwnStream } from './stream.ts';
import { ScriptedSocket } from './testing/scripted-socket.ts';

const END = 0x5;
const CANCEL = 8;
/** `:status: 200`, and `grpc-status: 0` without an entry of the table. */
const OK = [0x88, 0, 11, ...Buffer.from('grpc-status'), 1, 0x30];
const uint32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const method = { path: '/a.B/C', authority: 'pod', headers: [] };

/** A connection that is ready. */
function start() {
  const clock = new VirtualClock();
  const socket = new ScriptedSocket(clock);
  const soon = (fn: () => void) => void clock.after(0, fn);
  const env = { clock, afterPoll: soon, nextTick: soon, connect: () => socket as unknown as Socket };
  const options = {
    ...{ host: 'pod', port: 1, tls: undefined, connectTimeoutMs: 1_000, maxHeaderListBytes: 65_536 },
    ...{ keepaliveTimeMs: 0, keepaliveTimeoutMs: 0, keepaliveWithoutCalls: false, env },
  };
  const seen = { refused: false, full: 0 };
  const connection: OwnConnection = new OwnConnection(options, {
    onReady() {},
    onDraining() {},
    onRoom() {
      if (connection.hasRoom) seen.refused = false;
    },
    onClosed() {},
  });
  socket.accept();
  clock.advanceSync(0);
  return { clock, socket, connection, seen, streams: [] as OwnStream[] };
}

type World = ReturnType<typeof start>;

function open({ connection, streams, seen }: World, bytes: number): void {
  const handler = { onHeaders() {}, onMessage() {}, onEnd() {} };
  const head = { method, headers: ['x', 'v'.repeat(bytes)], maxReceiveBytes: -1 };
  const stream = connection.open(head, handler);
  if (stream === undefined) seen.refused = true;
  else streams.push(stream as OwnStream);
}

/** What may happen to a connection; `n` is any number. */
const STEPS = {
  open: (at: World) => open(at, 1),
  openLarge: (at: World, n) => open(at, n * 4_000),
  cancel: ({ streams }: World, n) => streams[n % Math.max(streams.length, 1)]?.cancel(CANCEL),
  cancelAll: ({ streams }: World) => {
    for (const stream of streams) stream.cancel(CANCEL);
  },
  answer({ socket, streams }: World, n) {
    const stream = streams[n % Math.max(streams.length, 1)];
    if (stream?.ended === false) socket.receive(FrameType.HEADERS, END, stream.id, OK);
  },
  reset({ socket, streams }: World, n) {
    const stream = streams[n % Math.max(streams.length, 1)];
    // Also of one that was cancelled, whose own reset may wait its turn.
    if (stream !== undefined) socket.receive(FrameType.RST_STREAM, 0, stream.id, uint32(CANCEL));
  },
  limit: ({ socket }: World, n) => socket.receive(FrameType.SETTINGS, 0, 0, [0, 3, ...uint32(n % 20)]),
  ping({ socket }: World, n) {
    for (let i = 0; i < n; i++) socket.receive(FrameType.PING, 0, 0, [...uint32(n), ...uint32(i)]);
  },
  stuck({ socket }: World) {
    socket.stuck = true;
  },
  unstuck({ socket }: World) {
    socket.stuck = false;
  },
  wait: ({ clock }: World, n) => clock.advanceSync(n * 10),
  turn: ({ clock }: World) => clock.advanceSync(0),
} satisfies Record<string, (at: World, n: number) => void>;

/** The last of a run. */
const ENDS: Record<string, (at: World) => void> = {
  goaway: ({ socket }) => socket.receive(FrameType.GOAWAY, 0, 0, [...uint32(3), ...uint32(0)]),
  drain: ({ connection }) => connection.drain(),
  destroy: ({ connection }) => connection.destroy('enough'),
  broken: ({ socket }) => socket.receive(FrameType.DATA, 0, 0, []),
  closed: ({ socket }) => void socket.emit('end'),
};

const names = Object.keys(STEPS) as (keyof typeof STEPS)[];
const step = fc.tuple(fc.constantFrom(...names, 'openLarge', 'openLarge', 'stuck'), fc.nat(200));

/** The field is what would be worked out, and a caller that found no room has been told once there is some. */
function check({ clock, connection, seen }: World): void {
  expect(connection.sender.full).toBe(connection.sender.fullNow);
  expect(connection.hasRoom).toBe(connection.roomNow);
  if (connection.sender.full) seen.full += 1;
  clock.advanceSync(0);
  expect(connection.sender.full).toBe(connection.sender.fullNow);
  expect(connection.hasRoom).toBe(connection.roomNow);
  expect(connection.hasRoom && seen.refused, 'room, and the caller that waits was not told').toBe(false);
}

test('whether there is room is always what it would be worked out to be', () => {
  let full = 0;
  let ready = 0;
  const steps = fc.array(step, { minLength: 20, maxLength: 120 });
  const run = fc.property(steps, fc.constantFrom(...Object.keys(ENDS)), (all, end) => {
    const at = start();
    for (const [name, n] of all) {
      STEPS[name](at, n);
      check(at);
    }
    if (at.connection.state === 'ready') ready += 1;
    ENDS[end]!(at);
    check(at);
    at.clock.advanceSync(60_000);
    check(at);
    full += at.seen.full;
  });
  fc.assert(run, { seed: 20_240_101, numRuns: 200 });
  // Otherwise the steps would not test anything.
  expect(full).toBeGreaterThan(20);
  expect(ready).toBeGreaterThan(50);
});

test('a cancelled call whose reset waits its turn takes room, until the peer resets it itself', () => {
  const at = start();
  STEPS.limit(at, 1);
  open(at, 1);
  STEPS.cancelAll(at);
  check(at);
  open(at, 1);
  expect([at.connection.openStreams, at.connection.hasRoom, at.seen.refused]).toEqual([0, false, true]);
  STEPS.reset(at, 0);
  check(at);
  expect([at.connection.hasRoom, at.seen.refused]).toEqual([true, false]);
});
