import type { Socket } from 'node:net';
import { timers } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { closeText } from '../connection/close-cause.ts';
import type { ConnectionEnv } from '../connection/env.ts';
import type { Connection, ConnectionOptions } from '../transport.ts';
import { FrameType } from './frames/frame.ts';
import { ScriptedSocket } from './testing/scripted-socket.ts';
import { ownHttp2Transport } from './transport.ts';

let clock: VirtualClock;
let env: ConnectionEnv;
let socket: ScriptedSocket;

beforeEach(() => {
  clock = new VirtualClock();
  const soon = (fn: () => void) => void clock.after(0, fn);
  env = {
    clock,
    afterPoll: soon,
    nextTick: soon,
    connect: () => {
      socket = new ScriptedSocket(clock);
      return socket as unknown as Socket;
    },
  };
  for (const name of ['after', 'setImmediate', 'nextTick', 'soon'] as const) vi.spyOn(timers, name);
});

afterEach(() => {
  for (const name of ['after', 'setImmediate', 'nextTick', 'soon'] as const)
    expect(timers[name]).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

function connect(options: Partial<ConnectionOptions> = {}): {
  connection: Connection;
  events: string[];
} {
  const events: string[] = [];
  const startMs = clock.nowMs();
  const note = (text: string) => void events.push(`${clock.nowMs() - startMs}: ${text}`);
  const connection = ownHttp2Transport.connect(
    {
      host: 'pod',
      port: 1,
      tls: undefined,
      connectTimeoutMs: 3_000,
      keepaliveTimeMs: 10_000,
      keepaliveTimeoutMs: 5_000,
      keepaliveWithoutCalls: true,
      maxHeaderListBytes: 65_536,
      env,
      ...options,
    },
    {
      onReady: () => note('ready'),
      onDraining: () => note('draining'),
      onRoom: () => note('room'),
      onClosed: (cause) => note(cause === undefined ? 'closed' : closeText(cause)),
    },
  );
  return { connection, events };
}

test('virtual time alone brings the keepalive PING, and closes a connection without an answer', () => {
  const { events } = connect();
  socket.accept();
  clock.advanceSync(9_999);
  expect(socket.frames).not.toContain(FrameType.PING);
  clock.advanceSync(1);
  expect(socket.frames.at(-1)).toBe(FrameType.PING);
  clock.advanceSync(4_999);
  expect(events).toEqual(['0: ready']);
  clock.advanceSync(1);
  expect(events).toEqual(['0: ready', '15000: draining', '15000: no answer to a keepalive PING in 5000 ms']);
  expect(socket.frames.at(-1)).toBe(FrameType.GOAWAY);
  expect(socket.destroyed).toBe(true);
  expect(clock.pending).toBe(0);
});

test.each([
  ['TCP', () => {}],
  ['HTTP/2 SETTINGS', () => socket.emit('connect')],
])('virtual time alone ends the wait for %s', (step, script) => {
  const { events } = connect();
  script();
  clock.advanceSync(2_999);
  expect(events).toEqual([]);
  clock.advanceSync(1);
  expect(events).toEqual([`3000: no connection in 3000 ms: ${step} was not answered`]);
  clock.advanceSync(1_000);
  expect(clock.pending).toBe(0);
});

test('the same calls are the same bytes at the same times', () => {
  const run = () => {
    const { connection } = connect();
    socket.accept();
    const startMs = clock.nowMs();
    const method = { path: '/a.B/C', authority: 'pod', headers: ['te', 'trailers'] };
    const handler = { onHeaders: () => {}, onMessage: () => {}, onEnd: () => {} };
    for (let i = 0; i < 300; i++) {
      const stream = connection.open({ method, headers: ['n', String(i)], maxReceiveBytes: -1 }, handler);
      stream?.sendMessage(Buffer.alloc(i, i), false, true, undefined);
      clock.advanceSync(i % 3);
      // More resets than servers take at once: they wait their turn.
      stream?.cancel(8);
    }
    clock.advanceSync(60_000);
    return socket.written.map(({ atMs, bytes }) => `${atMs - startMs} ${bytes.toString('hex')}`);
  };
  const first = run();
  expect(first.length).toBeGreaterThan(300);
  expect(run()).toEqual(first);
});

test('a stream in the background is worth no PING and no timer', () => {
  const { connection, events } = connect({ keepaliveWithoutCalls: false });
  socket.accept();
  const method = { path: '/grpc.health.v1.Health/Watch', authority: 'pod', headers: [] };
  const ends: string[] = [];
  connection.openBackground(
    { method, headers: [], maxReceiveBytes: 1024 },
    { onHeaders() {}, onMessage() {}, onEnd: ({ kind }) => ends.push(kind) },
  );
  clock.advanceSync(600_000);
  expect(socket.frames).not.toContain(FrameType.PING);
  expect([events, ends, clock.pending]).toEqual([['0: ready'], [], 0]);
  connection.destroy('the test is over');
  clock.advanceSync(1);
  expect(ends).toEqual(['cancelled']);
});
