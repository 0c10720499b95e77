import { settle, VirtualClock } from '@podwire/registry/testing';
import { expect, test } from 'vitest';
import { ConnectGate, type Waiting } from './connect-gate.ts';

const PER_SECOND = 100;

function open(atOnce = 32) {
  const clock = new VirtualClock();
  const gate = new ConnectGate(clock, atOnce, PER_SECOND);
  const begun: string[] = [];
  /** Each ends in the turn in which it begins: refused, or connected. */
  const enter = (name: string, failing: boolean, succeeds = false) => {
    const waiting: Waiting = {
      wanted: true,
      failing,
      begin() {
        begun.push(name);
        if (succeeds) gate.refund(failing);
        queueMicrotask(() => gate.leave());
      },
    };
    gate.enter(waiting);
    return waiting as { wanted: boolean };
  };
  return { clock, gate, begun, enter };
}

const many = (count: number, fn: (name: string) => void) => {
  for (let i = 0; i < count; i++) fn(`${i}`);
};

test('ten thousand Pods that refuse are tried again a hundred times a second', async () => {
  const { clock, begun, enter } = open();
  many(10_000, (name) => enter(name, true));
  await settle();
  expect(begun).toHaveLength(PER_SECOND);
  await clock.advance(5_000);
  expect(begun.length).toBeGreaterThan(5.9 * PER_SECOND);
  expect(begun.length).toBeLessThanOrEqual(6 * PER_SECOND);
});

test('a first attempt that fails costs a tenth, and goes before those of Pods that failed', async () => {
  const { clock, begun, enter } = open();
  many(2_000, (name) => enter(`again ${name}`, true));
  await settle();
  many(500, (name) => enter(`first ${name}`, false));
  await clock.advance(600);
  const first = begun.filter((name) => name.startsWith('first'));
  expect(first).toHaveLength(500);
  expect(begun.indexOf('first 499')).toBeLessThan(PER_SECOND + 500);
});

test('attempts that succeed wait for nothing', async () => {
  const { begun, clock, enter } = open();
  many(5_000, (name) => enter(name, false, true));
  many(500, (name) => enter(name, true, true));
  for (let i = 0; i < 200 && begun.length < 5_500; i++) await settle();
  expect(begun).toHaveLength(5_500);
  expect(clock.pending).toBe(0);
});

test('a Pod that is not wanted any more costs nothing and holds no other up', async () => {
  const { clock, begun, enter } = open();
  const waiting: { wanted: boolean }[] = [];
  many(1_000, (name) => waiting.push(enter(name, true)));
  await settle();
  for (const one of waiting) one.wanted = false;
  enter('wanted', true);
  await clock.advance(20);
  expect(begun.at(-1)).toBe('wanted');
});

test('nothing is left of it after close', async () => {
  const { clock, gate, begun, enter } = open();
  many(1_000, (name) => enter(name, true));
  await settle();
  gate.close();
  expect(clock.pending).toBe(0);
  await clock.advance(10_000);
  expect(begun).toHaveLength(PER_SECOND);
});
