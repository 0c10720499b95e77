/** A timer that runs and can be cancelled. */
export interface Timer {
  /** Does nothing once the timer has fired. */
  cancel(): void;
}

/**
 * Time as podwire's own code sees it. It is passed in, never taken from a global, so that everything
 * that waits runs on a virtual clock in tests.
 */
export interface Clock {
  /** Milliseconds on a clock that never runs backwards; only differences mean anything. */
  nowMs(): number;
  /** Milliseconds since 1970, for what is written down (leases, snapshots). */
  wallMs(): number;
  /** Calls `fn` once after `delayMs`, never before. A timer never keeps the process alive by itself. */
  after(delayMs: number, fn: () => void): Timer;
}

/** A number in [0, 1), as `Math.random` gives; passed in for the same reason as the clock. */
export type Random = () => number;
