import { stallsOf, type Timers } from '@podwire/core';
import { VirtualClock } from '@podwire/core/testing';
import { beforeEach, expect, test } from 'vitest';
import type { CloseCause } from '../transport.ts';
import type { World } from './env.ts';
import { PingAllowance } from './ping-allowance.ts';
import { Suspicion } from './suspicion.ts';

let clock: VirtualClock;
/** Time that passed while this process did not run. */
let stalledMs: number;
let world: World;
beforeEach(() => {
  clock = new VirtualClock();
  stalledMs = 0;
  const nowMs = () => clock.nowMs() + stalledMs;
  const after: Timers['after'] = (delayMs, fn) => clock.after(delayMs, fn);
  const run = (fn: () => void) => fn();
  const stalls = stallsOf({ nowMs, wallMs: nowMs, after });
  stalls.watch();
  world = { nowMs, after, stalls, setImmediate: run, nextTick: run, soon: run };
});

/** A peer whose replies and answers to PINGs a test sends. */
class Peer {
  bytesReceived = 0;
  callBytesReceived = 0;
  lastReadMs = world.nowMs();
  bytesSentSinceRead = 0;
  /** What it did, in order. */
  readonly told: string[] = [];
  readonly suspicion = new Suspicion(
    this,
    { minMs: 100, timeoutMs: 1_000 },
    new PingAllowance(this, true),
    world,
  );
  answer: () => void = () => {};

  probe(answered: () => void): void {
    this.told.push('PING');
    this.answer = () => {
      this.#read();
      answered();
    };
  }

  onSuspect(isSuspect: boolean): void {
    this.told.push(isSuspect ? 'suspect' : 'heard');
  }

  othersAreSilent = false;

  mayGiveUp(): boolean {
    return !this.othersAreSilent;
  }

  onDead(cause: CloseCause): void {
    this.told.push(`dead after ${(cause as { afterMs: number }).afterMs}`);
  }

  reply(): void {
    this.#read();
    this.callBytesReceived += 1;
    this.suspicion.onRead();
    this.suspicion.settle(world.nowMs());
  }

  #read(): void {
    this.bytesReceived += 1;
    this.lastReadMs = world.nowMs();
    this.bytesSentSinceRead = 0;
  }

  /** Twenty calls of 5 ms: what is usual is known then. */
  learn(): this {
    for (let i = 0; i < 20; i++) {
      this.suspicion.owe();
      clock.advanceSync(5);
      this.reply();
    }
    return this;
  }

  /** What it was told in this time. */
  in(ms: number): string[] {
    clock.advanceSync(ms);
    return this.told.splice(0);
  }
}

test('a silent peer is suspect after 100 ms, is asked once, and is dead a second later', () => {
  const peer = new Peer().learn();
  peer.suspicion.owe();
  expect(peer.in(98)).toEqual([]);
  expect(peer.in(4)).toEqual(['PING', 'suspect']);
  expect(peer.in(950)).toEqual([]);
  expect(peer.in(200)).toEqual(['heard', 'dead after 1000']);
});

test('while all other peers are silent as well it is not given up', () => {
  const peer = new Peer().learn();
  peer.othersAreSilent = true;
  peer.suspicion.owe();
  expect(peer.in(10_000)).toEqual(['PING', 'suspect']);
  peer.othersAreSilent = false;
  expect(peer.in(1_100)).toEqual(['heard', 'dead after 1000']);
});

test('an answer clears it, and no other PING follows until a call is answered', () => {
  const peer = new Peer().learn();
  peer.suspicion.owe();
  expect(peer.in(110)).toEqual(['PING', 'suspect']);
  peer.answer();
  expect(peer.in(60_000)).toEqual(['heard']);
  peer.reply();
  peer.suspicion.owe();
  peer.suspicion.owe();
  // The long silence is usual now.
  expect(peer.in(100_000)).toEqual([]);
});

test('while too few replies came the threshold is a second', () => {
  const peer = new Peer();
  peer.suspicion.owe();
  expect(peer.in(990)).toEqual([]);
  expect(peer.in(20)).toEqual(['PING', 'suspect']);
});

test('three times the usual silence is no reason for suspicion', () => {
  const peer = new Peer();
  for (let i = 0; i < 20; i++) {
    peer.suspicion.owe();
    clock.advanceSync(200);
    peer.reply();
  }
  peer.suspicion.owe();
  expect(peer.in(590)).toEqual([]);
  expect(peer.in(20)).toEqual(['PING', 'suspect']);
});

test('a peer that owes nothing is never suspect, and costs no timer', () => {
  const peer = new Peer().learn();
  expect(peer.in(60_000)).toEqual([]);
  // The stall meter's own.
  expect(clock.pending).toBe(1);
});

test('a stall of this process is not a silence of the peer', () => {
  const peer = new Peer().learn();
  peer.suspicion.owe();
  clock.advanceSync(20);
  stalledMs += 5_000;
  expect(peer.in(60)).toEqual([]);
  peer.reply();
  expect(peer.in(10_000)).toEqual([]);
});

test('a peer that is stopped is found although this process stalls all the time', () => {
  const peer = new Peer().learn();
  peer.suspicion.owe();
  for (let i = 0; i < 20; i++) {
    clock.advanceSync(20);
    stalledMs += 80;
  }
  expect(peer.told).toContain('PING');
});

test('bytes that a PING waits behind give the peer more time', () => {
  const peer = new Peer().learn();
  peer.bytesSentSinceRead = 1_000_000;
  peer.suspicion.owe();
  expect(peer.in(8_000)).toEqual([]);
  expect(peer.in(200)).toEqual(['PING', 'suspect']);
  expect(peer.in(8_000)).toEqual([]);
  expect(peer.in(2_000)).toEqual(['heard', 'dead after 9000']);
});
