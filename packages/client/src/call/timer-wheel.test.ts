import { VirtualClock } from '@podwire/registry/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TimerWheel, type WheelEntry } from './timer-wheel.ts';

class Entry implements WheelEntry {
  readonly dueMs: number;
  wheelSlot = -1;
  wheelPrevious: WheelEntry | undefined;
  wheelNext: WheelEntry | undefined;
  firedMs: number | undefined;
  readonly #clock: VirtualClock;
  constructor(clock: VirtualClock, delayMs: number) {
    this.#clock = clock;
    this.dueMs = clock.nowMs() + delayMs;
  }
  onDue(): void {
    expect(this.firedMs).toBeUndefined();
    this.firedMs = this.#clock.nowMs();
  }
}

function make(): { clock: VirtualClock; wheel: TimerWheel; add(delayMs: number): Entry } {
  const clock = new VirtualClock();
  const wheel = new TimerWheel(clock, (fn) => fn());
  return {
    clock,
    wheel,
    add(delayMs) {
      const entry = new Entry(clock, delayMs);
      wheel.add(entry, clock.nowMs());
      return entry;
    },
  };
}

describe('TimerWheel', () => {
  test.each([0, 1, 4, 5, 99, 1_023, 1_025, 5_000, 60_000, 3_600_000])(
    'expires %i ms late by 2 ms at most, never early',
    (delayMs) => {
      const { clock, add } = make();
      const dueMs = clock.nowMs() + delayMs;
      const entry = add(delayMs);
      if (delayMs > 0) {
        clock.advanceSync(delayMs - 1);
        expect(entry.firedMs).toBeUndefined();
      }
      clock.advanceSync(3);
      expect(entry.firedMs).toBeGreaterThanOrEqual(dueMs);
    },
  );

  test('a timer that never came is missed by no deadline: the next call asks for another', () => {
    const clock = new VirtualClock();
    let lost = 1;
    const after = (delayMs: number, fn: () => void) => clock.after(delayMs, lost-- > 0 ? () => {} : fn);
    const wheel = new TimerWheel({ nowMs: () => clock.nowMs(), wallMs: () => clock.wallMs(), after }, (fn) =>
      fn(),
    );
    const [hung, next] = [new Entry(clock, 500), new Entry(clock, 20_000)];
    wheel.add(hung, clock.nowMs());
    clock.advanceSync(3_000);
    expect(hung.firedMs).toBeUndefined();
    wheel.add(next, clock.nowMs());
    clock.advanceSync(10);
    expect(hung.firedMs).toBeDefined();
    clock.advanceSync(18_000);
    expect(next.firedMs).toBeDefined();
  });

  test('never expires what was removed, and leaves no timer behind', () => {
    const { clock, wheel, add } = make();
    const entries = [10, 500, 10_000].map(add);
    for (const entry of entries) wheel.remove(entry);
    expect([wheel.size, clock.pending]).toEqual([0, 0]);
    clock.advanceSync(20_000);
    expect(entries.map(({ firedMs }) => firedMs)).toEqual([undefined, undefined, undefined]);
  });

  test('decides after the sockets were read: what is removed in between does not expire', () => {
    const clock = new VirtualClock();
    const checks: (() => void)[] = [];
    const wheel = new TimerWheel(clock, (fn) => checks.push(fn));
    const entry = new Entry(clock, 10);
    wheel.add(entry, clock.nowMs());
    clock.advanceSync(1_000);
    expect(checks).toHaveLength(1);
    wheel.remove(entry);
    checks[0]!();
    expect(entry.firedMs).toBeUndefined();
  });

  test('keeps any mix of deadlines, removals and jumps of time', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 200_000 }) }),
      fc.record({ remove: fc.nat() }),
      fc.record({ advance: fc.integer({ min: 0, max: 30_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, wheel, add } = make();
        const live: { entry: Entry; dueMs: number }[] = [];
        for (const one of steps) {
          if ('add' in one) live.push({ dueMs: clock.nowMs() + one.add, entry: add(one.add) });
          else if ('remove' in one && live.length > 0)
            wheel.remove(live.splice(one.remove % live.length, 1)[0]!.entry);
          else if ('advance' in one) clock.advanceSync(one.advance);
          for (const { entry, dueMs } of live) {
            if (entry.firedMs !== undefined) expect(entry.firedMs).toBeGreaterThanOrEqual(dueMs);
            else expect(clock.nowMs()).toBeLessThan(dueMs + 11);
          }
        }
        clock.advanceSync(300_000);
        for (const { entry } of live) expect(entry.firedMs).toBeDefined();
        expect([wheel.size, clock.pending]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
  });
});
