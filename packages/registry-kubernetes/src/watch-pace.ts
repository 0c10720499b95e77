import { type Clock, exponentialMs, pause } from '@podwire/core';

/**
 * If a watch ends sooner and without a line, the server could not serve it from our version, or a proxy does not let watches
 * pass. If it sent lines, a proxy on the way cut it, and the next watch waits.
 */
const SHORT_WATCH_MS = 2_000;
const GAP = { initialMs: 250, maxMs: 1_000, multiplier: 2 };

/** What is known of a watch that is over. */
export interface WatchOver {
  /** On the clock's `nowMs`; undefined when it never opened. */
  readonly openedMs: number | undefined;
  readonly lines: number;
  readonly hasFailed: boolean;
}

/** When the API server is asked again: however many watchers there are, there is one attempt in each gap. */
export class WatchPace {
  readonly #clock: Clock;
  /** Failures in a row. */
  #failures = 0;
  #shortWatches = 0;
  /** Short watches in a row without a line. */
  #barrenWatches = 0;
  #notBeforeMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for the end of the gap. A single watcher usually returns after it anyway. */
  due(signal: AbortSignal): Promise<void> {
    const delayMs = this.#notBeforeMs - this.#clock.nowMs();
    if (delayMs <= 0) return Promise.resolve();
    return pause(this.#clock, delayMs, signal);
  }

  /** A server that has just started refused what it may allow a moment later. */
  onRefused(): void {
    this.#notBeforeMs = this.#clock.nowMs() + GAP.initialMs;
  }

  onOpen(): void {
    this.#failures = 0;
  }

  /** The server may ask for more time. */
  onFailed(retryAfterMs: number): void {
    this.#failures += 1;
    this.#notBeforeMs = this.#clock.nowMs() + Math.max(exponentialMs(GAP, this.#failures), retryAfterMs);
  }

  /** Whether the watch had begun: it sent a line or stayed open for a while. After a short one that had, the next watch waits. */
  onOver({ openedMs, lines, hasFailed }: WatchOver): boolean {
    const nowMs = this.#clock.nowMs();
    const isShort = openedMs === undefined || nowMs - openedMs < SHORT_WATCH_MS;
    this.#shortWatches = isShort ? this.#shortWatches + 1 : 0;
    this.#barrenWatches = isShort && lines === 0 ? this.#barrenWatches + 1 : 0;
    // A watch that was cut counts as begun, unless the one before it was as short and silent.
    const isCut = openedMs !== undefined && hasFailed && this.#barrenWatches === 1;
    const hasBegun = this.#barrenWatches === 0 || isCut;
    if (isShort && hasBegun && !hasFailed) this.#notBeforeMs = nowMs + exponentialMs(GAP, this.#shortWatches);
    return hasBegun;
  }
}
