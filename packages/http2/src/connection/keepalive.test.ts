import type { Time } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { beforeEach, expect, test, vi } from 'vitest';
import type { CloseCause } from '../transport.ts';
import { closeText } from './close-cause.ts';
import { Keepalive, type KeepaliveTimes } from './keepalive.ts';

let clock: VirtualClock;
let time: Time;
beforeEach(() => {
  clock = new VirtualClock();
  time = {
    nowMs: () => clock.nowMs(),
    after: (delayMs, fn) => clock.after(delayMs, fn),
    setImmediate: (fn) => fn(),
  };
});

/** A peer that answers every PING, unless it is dead. */
class Peer {
  bytesReceived = 0;
  callBytesReceived = 0;
  lastReadMs = clock.nowMs();
  looksMs = Number.POSITIVE_INFINITY;
  pingable = true;
  dead = false;
  /** When it was sent a PING. */
  readonly pings: number[] = [];
  readonly onDead = vi.fn<(cause: CloseCause) => void>();

  keepalive(answered: () => void): void {
    this.pings.push(clock.nowMs());
    if (this.dead) return;
    this.read();
    answered();
  }

  read(): void {
    this.bytesReceived += 1;
    this.lastReadMs = clock.nowMs();
  }

  pingsIn(ms: number): number {
    const before = this.pings.length;
    clock.advanceSync(ms);
    return this.pings.length - before;
  }
}

function watch(peer: Peer, times: Partial<KeepaliveTimes> = {}): Keepalive {
  const all = { keepaliveTimeMs: 1_000, keepaliveTimeoutMs: 500, keepaliveSparing: false, ...times };
  const keepalive = new Keepalive(peer, all, time);
  keepalive.start();
  return keepalive;
}

test('of a silent peer two PINGs ask soon, later ones every five minutes, until it says something for a call', () => {
  const peer = new Peer();
  const keepalive = watch(peer, { keepaliveSparing: true });
  expect(peer.pingsIn(60_000)).toBe(2);
  expect(peer.pingsIn(200_000)).toBe(0);
  expect(peer.pingsIn(60_000)).toBe(1);
  expect(peer.pingsIn(60_000)).toBe(0);
  peer.read();
  peer.callBytesReceived += 1;
  expect(peer.pingsIn(300_000)).toBe(2);
  expect(peer.onDead).not.toHaveBeenCalled();
  keepalive.stop();
  expect(clock.pending).toBe(0);
});

test('a time that the user set is kept', () => {
  const peer = new Peer();
  watch(peer);
  expect(peer.pingsIn(600_500)).toBe(600);
  expect(peer.onDead).not.toHaveBeenCalled();
});

test('silence counts from the last byte', () => {
  const peer = new Peer();
  watch(peer, { keepaliveTimeMs: 10_000, keepaliveTimeoutMs: 5_000 });
  clock.advanceSync(9_000);
  peer.read();
  const lastMs = clock.nowMs();
  peer.dead = true;
  clock.advanceSync(14_900);
  expect(peer.pings).toEqual([lastMs + 10_000]);
  expect(peer.onDead).not.toHaveBeenCalled();
  clock.advanceSync(200);
  expect(peer.onDead.mock.lastCall?.map(closeText)).toEqual(['no answer to a keepalive PING in 5000 ms']);
  expect(clock.pending).toBe(0);
});

test('of a peer whose bytes come without a word, to a quarter of the time', () => {
  const peer = new Peer();
  peer.looksMs = 2_500;
  let told = clock.nowMs();
  let bytes = 0;
  Object.defineProperty(peer, 'lastReadMs', {
    get() {
      if (peer.bytesReceived !== bytes) told = clock.nowMs();
      bytes = peer.bytesReceived;
      return told;
    },
    set() {},
  });
  watch(peer, { keepaliveTimeMs: 10_000 });
  clock.advanceSync(100);
  peer.bytesReceived += 1;
  peer.dead = true;
  clock.advanceSync(13_100);
  expect(peer.onDead).toHaveBeenCalled();
});

test('no PING is sent while no call waits, and a call on a connection long silent is given a moment', () => {
  const peer = new Peer();
  peer.pingable = false;
  const keepalive = watch(peer, { keepaliveTimeMs: 10_000 });
  expect(peer.pingsIn(60_000)).toBe(0);
  expect([keepalive.dormant, clock.pending]).toEqual([true, 0]);
  peer.pingable = true;
  keepalive.wake();
  expect(peer.pingsIn(990)).toBe(0);
  expect(peer.pingsIn(20)).toBe(1);
});

test('a call that is answered at once costs no PING', () => {
  const peer = new Peer();
  peer.pingable = false;
  const keepalive = watch(peer, { keepaliveTimeMs: 10_000 });
  for (let i = 0; i < 5; i++) {
    expect(peer.pingsIn(20_000)).toBe(0);
    expect(keepalive.dormant).toBe(true);
    peer.pingable = true;
    keepalive.wake();
    clock.advanceSync(5);
    peer.read();
    peer.pingable = false;
  }
});

test('times beyond those that a timer of Node can hold are kept', () => {
  const peer = new Peer();
  watch(peer, { keepaliveTimeMs: 2 ** 32, keepaliveTimeoutMs: 2 ** 35 });
  expect(peer.pingsIn(2 ** 32 - 1)).toBe(0);
  peer.dead = true;
  expect(peer.pingsIn(10)).toBe(1);
  clock.advanceSync(2 ** 35 - 100);
  expect(peer.onDead).not.toHaveBeenCalled();
  clock.advanceSync(200);
  expect(peer.onDead).toHaveBeenCalled();
});

test('a keepalive PING whose answer was read behind a stall keeps the connection', () => {
  /** So much was lost in a stall: no timer ran meanwhile. */
  let stalledMs = 0;
  const stalling: Time = {
    ...time,
    setImmediate: (fn) => void clock.after(0, fn),
    nowMs: () => clock.nowMs() + stalledMs,
  };
  const dead = vi.fn();
  let answer = () => {};
  const peer = {
    bytesReceived: 0,
    callBytesReceived: 0,
    lastReadMs: stalling.nowMs(),
    looksMs: Number.POSITIVE_INFINITY,
    pingable: true,
    onDead: dead,
    keepalive(answered: () => void) {
      answer = answered;
    },
  };
  const times = { keepaliveTimeMs: 100, keepaliveTimeoutMs: 1_000, keepaliveSparing: false };
  const keepalive = new Keepalive(peer, times, stalling);
  keepalive.start();
  clock.advanceSync(100 + 950);
  stalledMs += 60_000;
  clock.advanceSync(60);
  peer.lastReadMs = stalling.nowMs();
  answer();
  clock.advanceSync(90);
  expect(dead).not.toHaveBeenCalled();
  keepalive.stop();
  expect(clock.pending).toBe(0);
});
