import { describe, expect, test } from 'vitest';
import { LoadMeter } from './load-meter.ts';

function after(...replies: [atMs: number, latencyMs: number, outcome?: 'ok' | 'failed' | 'cancelled'][]) {
  const meter = new LoadMeter();
  for (const [atMs, latencyMs, outcome = 'ok'] of replies) {
    meter.start();
    meter.end(atMs, latencyMs, outcome);
  }
  return meter;
}

describe('a load meter', () => {
  test('counts calls, of its Pod and of all', () => {
    const total = { inFlight: 0 };
    const [a, b] = [new LoadMeter(total), new LoadMeter(total)];
    a.start();
    a.start();
    b.start();
    a.end(5, 5, 'failed');
    expect([a.inFlight, a.started, a.failed, b.inFlight, total.inFlight]).toEqual([1, 2, 1, 1, 2]);
  });

  test('rises to a slow reply at once and forgets it slowly', () => {
    expect(after([0, 10], [1, 200]).latencyMs(1)).toBe(200);
    const recovered = after([0, 200], [100, 10]).latencyMs(100);
    expect(recovered).toBeGreaterThan(190);
    expect(recovered).toBeLessThan(200);
  });

  test('falls while nothing is heard, so that a Pod that was slow is tried again', () => {
    expect(after([0, 200]).latencyMs(10_000)).toBeCloseTo(200 / Math.E, 1);
  });

  test('takes a failure for slow, however fast it was', () => {
    expect(after([0, 1, 'failed']).latencyMs(0)).toBe(1_000);
    expect(after([0, 3_000, 'failed']).latencyMs(0)).toBe(3_000);
  });

  test('learns from a call given up only that it took at least so long', () => {
    expect(after([0, 100], [1_000, 5, 'cancelled']).latencyMs(1_000)).toBe(after([0, 100]).latencyMs(1_000));
    expect(after([0, 100], [0, 500, 'cancelled']).latencyMs(0)).toBe(500);
  });

  test('ranks Pods as their averages do at any later time', () => {
    const meters = [after([0, 100]), after([8_000, 60]), after([0, 5], [20_000, 7]), after([3_000, 0])];
    const byRank = [...meters].sort((a, b) => a.latencyRank - b.latencyRank);
    for (const nowMs of [20_000, 90_000]) {
      expect([...meters].sort((a, b) => a.latencyMs(nowMs) - b.latencyMs(nowMs))).toEqual(byRank);
    }
  });
});
