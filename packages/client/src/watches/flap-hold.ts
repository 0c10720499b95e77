/** The time in which a Pod must not go away and come back too often. */
const WINDOW_MS = 30_000;
/** As often it comes back at once. */
const FREE = 2;
const FIRST_HOLD_MS = 1_000;
const MOST_HOLD_MS = 30_000;
/** More need not be remembered: the hold no longer grows. */
const MOST_FLAPS = 8;

/** How long a Pod must say that it serves before that counts: from its third return within 30 s on 1 s, doubled each time, at most 30 s. */
export class FlapHold {
  /** When the Pod stopped serving. */
  #lossesMs: number[] = [];

  lost(nowMs: number): void {
    this.#lossesMs = [...this.#recent(nowMs), nowMs].slice(-MOST_FLAPS);
  }

  holdMs(nowMs: number): number {
    const flaps = this.#recent(nowMs).length;
    return flaps <= FREE ? 0 : Math.min(FIRST_HOLD_MS * 2 ** (flaps - FREE - 1), MOST_HOLD_MS);
  }

  #recent(nowMs: number): number[] {
    return this.#lossesMs.filter((atMs) => atMs > nowMs - WINDOW_MS);
  }
}
