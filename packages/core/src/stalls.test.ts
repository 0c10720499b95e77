import { describe, expect, test } from 'vitest';
import { StallMeter } from './stalls.ts';
import { VirtualClock } from './testing/index.ts';

/** A clock that can jump: the process did not run, and timers that were due meanwhile fire late. */
function stalling() {
  let offMs = 0;
  const clock = new VirtualClock();
  const late = {
    nowMs: () => clock.nowMs() + offMs,
    wallMs: () => clock.wallMs() + offMs,
    after: (delayMs: number, fn: () => void) => clock.after(delayMs, fn),
  };
  return { clock, late, stall: (ms: number) => (offMs += ms) };
}

describe('a stall meter', () => {
  test('counts nothing while the process runs', async () => {
    const { clock, late } = stalling();
    const meter = new StallMeter(late);
    meter.watch();
    await clock.advance(1_000);
    expect(meter.at(late.nowMs())).toBe(0);
  });

  test('counts a stall before its own timer fires, and counts it once', async () => {
    const { clock, late, stall } = stalling();
    const meter = new StallMeter(late);
    meter.watch();
    await clock.advance(5);
    stall(500);
    expect(meter.at(late.nowMs())).toBe(495);
    await clock.advance(100);
    expect(meter.at(late.nowMs())).toBe(495);
  });

  test('counts a stall during which it was not asked', async () => {
    const { clock, late, stall } = stalling();
    const meter = new StallMeter(late);
    meter.watch();
    stall(80);
    await clock.advance(20);
    expect(meter.at(late.nowMs())).toBe(80);
  });

  test('takes a loop that is a little late for a busy one', async () => {
    const { clock, late, stall } = stalling();
    const meter = new StallMeter(late);
    meter.watch();
    stall(19);
    await clock.advance(20);
    expect(meter.at(late.nowMs())).toBe(0);
  });

  test('has no timer while no channel watches', async () => {
    const { clock, late, stall } = stalling();
    const meter = new StallMeter(late);
    meter.watch();
    meter.unwatch();
    await clock.advance(20);
    expect(clock.pending).toBe(0);
    stall(5_000);
    meter.watch();
    expect(meter.at(late.nowMs())).toBe(0);
  });
});
