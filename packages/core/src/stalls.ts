import type { Clock, Timer } from './clock.ts';

/** How often the meter looks while calls are open. */
const LOOK_MS = 10;
/** A look that is this late shows a stall. A busy event loop is late by a few milliseconds. */
const LATE_MS = 20;

/**
 * Measures for how long this process did not run while it should have: a blocked event loop, garbage collection, a CPU limit, SIGSTOP, a
 * frozen machine. It looks at the clock while calls are open, and has no timer otherwise. What happened to a call during a stall says
 * nothing of its Pod.
 */
export class StallMeter {
  readonly #clock: Clock;
  /** How many watch: channels with open calls. */
  #watchers = 0;
  /** When the next look is due; Infinity without a timer. */
  #dueMs = Number.POSITIVE_INFINITY;
  /** The sum so far. `at` also counts a stall that no look has seen yet. */
  sumMs = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins to measure. For each `watch`, one `unwatch` follows. */
  watch(): void {
    this.#watchers += 1;
    if (this.#dueMs === Number.POSITIVE_INFINITY) this.#plan(this.#clock.nowMs());
  }

  /** The last timer runs out by itself: to cancel it for every call would cost more. */
  unwatch(): void {
    this.#watchers -= 1;
  }

  /** A watcher is gone for good: leaves no timer behind it. */
  rest(): void {
    if (this.#watchers > 0) return;
    this.#timer?.cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** Whole milliseconds of all stalls up to `nowMs`, the time now. They never fall. */
  at(nowMs: number): number {
    // Right after a stall, sockets may be read before the timer fires.
    if (nowMs - this.#dueMs >= LATE_MS) {
      this.sumMs += Math.round(nowMs - this.#dueMs);
      this.#dueMs = nowMs;
    }
    return this.sumMs;
  }

  #plan(nowMs: number): void {
    this.#dueMs = nowMs + LOOK_MS;
    this.#timer = this.#clock.after(LOOK_MS, this.#look);
  }

  readonly #look = (): void => {
    const nowMs = this.#clock.nowMs();
    this.at(nowMs);
    if (this.#watchers > 0) this.#plan(nowMs);
    else this.#dueMs = Number.POSITIVE_INFINITY;
  };
}

const meters = new WeakMap<Clock, StallMeter>();

/** The stall meter of a clock. All channels of a process share it. */
export function stallsOf(clock: Clock): StallMeter {
  let meter = meters.get(clock);
  if (meter === undefined) {
    meter = new StallMeter(clock);
    meters.set(clock, meter);
  }
  return meter;
}
