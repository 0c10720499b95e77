import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Keepalive } from './keepalive.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
});
afterEach(() => vi.useRealTimers());

test('of a silent peer two PINGs ask soon, later ones every five minutes, until it says something for a call', () => {
  let pings = 0;
  const peer = {
    bytesReceived: 0,
    callBytesReceived: 0,
    pingable: true,
    ping(answered: () => void) {
      pings += 1;
      answered();
    },
    onDead: vi.fn(),
  };
  const keepalive = new Keepalive(peer, 1_000, 100);
  const pingsIn = (ms: number) => {
    const before = pings;
    vi.advanceTimersByTime(ms);
    return pings - before;
  };
  expect(pingsIn(60_000)).toBe(2);
  expect(pingsIn(200_000)).toBe(0);
  expect(pingsIn(60_000)).toBe(1);
  expect(pingsIn(60_000)).toBe(0);
  peer.callBytesReceived += 1;
  expect(pingsIn(60_000)).toBe(2);
  expect(peer.onDead).not.toHaveBeenCalled();
  keepalive.stop();
});
