import type { Connection } from '@podwire/http2';
import { settle, VirtualClock } from '@podwire/registry/testing';
import { expect, test, vi } from 'vitest';
import { ConnectGate } from './connect-gate.ts';
import { Dialer, type Settled } from './dialer.ts';

/** Dialers of one channel, whose connections are ready when the test says so. */
function open(count: number, atOnce: number) {
  const clock = new VirtualClock();
  const gate = new ConnectGate(clock, atOnce, 100);
  const begun: { readonly of: number; readonly settled: Settled }[] = [];
  const destroy = vi.fn();
  const pods = Array.from({ length: count }, (_, of) => ({
    wantsConnection: true,
    failing: false,
    begin(settled: Settled) {
      begun.push({ of, settled });
      return { destroy } as unknown as Connection;
    },
  }));
  const dialers = pods.map((pod) => new Dialer(clock, gate, pod));
  for (const dialer of dialers) dialer.dial();
  return { clock, pods, dialers, begun, destroy, order: () => begun.map(({ of }) => of) };
}

test('so many connect at the same time, and the next when one is ready', async () => {
  const { clock, begun, order } = open(4, 2);
  await settle();
  expect(order()).toEqual([0, 1]);
  begun[1]!.settled('ready');
  await settle();
  expect(order()).toEqual([0, 1, 2]);
  begun[2]!.settled('ready');
  begun[0]!.settled('ready');
  await settle();
  begun[3]!.settled('ready');
  expect(clock.pending).toBe(0);
});

test('Pods that accept and say nothing hold the others up for a second', async () => {
  const { clock, order } = open(4, 2);
  await clock.advance(990);
  expect(order()).toEqual([0, 1]);
  await clock.advance(20);
  expect(order()).toEqual([0, 1, 2, 3]);
});

test('a Pod makes one connection at a time, even when it has had its turn', async () => {
  const { clock, dialers, begun, order } = open(1, 2);
  await clock.advance(2_000);
  dialers[0]!.dial();
  await settle();
  expect(order()).toEqual([0]);
  begun[0]!.settled('ready');
  dialers[0]!.dial();
  await settle();
  expect(order()).toEqual([0, 0]);
});

test('what has begun is given up with the Pod, and nothing that is ready', async () => {
  const { dialers, begun, destroy } = open(2, 2);
  await settle();
  begun[0]!.settled('ready');
  dialers[0]!.stop();
  expect(destroy).not.toHaveBeenCalled();
  dialers[1]!.stop();
  expect(destroy).toHaveBeenCalledTimes(1);
});

test('a Pod that is wanted again while its attempt is given up is dialled once that one has ended', async () => {
  const { dialers, begun, order } = open(1, 2);
  await settle();
  dialers[0]!.stop();
  dialers[0]!.dial();
  await settle();
  expect(order()).toEqual([0]);
  begun[0]!.settled('failed');
  await settle();
  expect(order()).toEqual([0, 0]);
});

test('thirty thousand Pods that are not wanted any more when their turn comes take one turn', async () => {
  const clock = new VirtualClock();
  const gate = new ConnectGate(clock, 1, 100);
  let begun = 0;
  const pod = (isWanted: boolean) => ({
    wantsConnection: isWanted,
    failing: false,
    begin(settled: (result: 'ready') => void) {
      begun += 1;
      settled('ready');
      return undefined;
    },
  });
  for (let i = 0; i < 30_000; i++) new Dialer(clock, gate, pod(false)).dial();
  new Dialer(clock, gate, pod(true)).dial();
  await settle();
  expect([begun, clock.pending]).toEqual([1, 0]);
});
