import { beforeEach, expect, test, vi } from 'vitest';
import { VirtualClock } from './testing/virtual-clock.ts';
import { type Time, TimeLimit } from './time-limit.ts';
import { timers } from './timers.ts';

let clock: VirtualClock;
let time: Time;
/** So much was lost in stalls: no timer ran meanwhile. */
let stalledMs: number;
beforeEach(() => {
  clock = new VirtualClock();
  stalledMs = 0;
  time = {
    nowMs: () => clock.nowMs() + stalledMs,
    after: (delayMs, fn) => clock.after(delayMs, fn),
    setImmediate: (fn) => void clock.after(0, fn),
  };
});

/** The event loop does nothing for so long; what became due meanwhile runs behind it. */
function stall(ms: number): void {
  stalledMs += ms;
}

test('it is up after its time, once', () => {
  const expired = vi.fn();
  new TimeLimit(1_000, expired, time);
  clock.advanceSync(990);
  expect(expired).not.toHaveBeenCalled();
  clock.advanceSync(20);
  expect(expired).toHaveBeenCalledTimes(1);
  expect(clock.pending).toBe(0);
});

test('it is never up once it was stopped, not even between its time and the last look at the sockets', () => {
  const expired = vi.fn();
  const limit = new TimeLimit(100, expired, time);
  clock.advanceSync(99);
  clock.after(1, () => limit.stop());
  clock.advanceSync(100);
  expect(expired).not.toHaveBeenCalled();
  expect(clock.pending).toBe(0);
});

test('a stall behind which time would be up gives one part more', () => {
  const expired = vi.fn();
  new TimeLimit(1_000, expired, time);
  clock.advanceSync(950);
  stall(4_000);
  clock.advanceSync(60);
  expect(expired).not.toHaveBeenCalled();
  clock.advanceSync(110);
  expect(expired).toHaveBeenCalledTimes(1);
});

test('a limit of years is not up at once', async () => {
  const expired = vi.fn();
  const limit = new TimeLimit(2 ** 40, expired, timers);
  await new Promise<void>((resolve) => timers.after(30, resolve));
  expect(expired).not.toHaveBeenCalled();
  limit.stop();
});
