import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Keepalive } from './keepalive.ts';
import { TimeLimit } from './time-limit.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
});
afterEach(() => vi.useRealTimers());

/** The event loop does nothing for so long; what became due meanwhile runs behind it. */
function stall(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
  const { now } = performance;
  const from = now.call(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + ms);
  expect(performance.now() - from).toBeGreaterThanOrEqual(ms);
}

test('it is up after its time, once', () => {
  const expired = vi.fn();
  new TimeLimit(1_000, expired);
  vi.advanceTimersByTime(990);
  expect(expired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20);
  expect(expired).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('it is never up once it was stopped, not even between its time and the last look at the sockets', () => {
  const expired = vi.fn();
  const limit = new TimeLimit(100, expired);
  vi.advanceTimersByTime(99);
  setTimeout(() => limit.stop(), 1);
  vi.advanceTimersByTime(100);
  expect(expired).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test('a stall behind which time would be up gives one part more', () => {
  const expired = vi.fn();
  new TimeLimit(1_000, expired);
  vi.advanceTimersByTime(950);
  stall(4_000);
  vi.advanceTimersByTime(60);
  expect(expired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(110);
  expect(expired).toHaveBeenCalledTimes(1);
});

test('a keepalive PING whose answer was read behind a stall keeps the connection', () => {
  const dead = vi.fn();
  let answer = () => {};
  const peer = { bytesReceived: 0, callBytesReceived: 0, pingable: true, onDead: dead };
  const keepalive = new Keepalive(
    {
      ...peer,
      ping(answered) {
        answer = answered;
      },
    },
    100,
    1_000,
  );
  vi.advanceTimersByTime(100 + 950);
  stall(60_000);
  vi.advanceTimersByTime(60);
  answer();
  vi.advanceTimersByTime(90);
  expect(dead).not.toHaveBeenCalled();
  keepalive.stop();
  expect(vi.getTimerCount()).toBe(0);
});
