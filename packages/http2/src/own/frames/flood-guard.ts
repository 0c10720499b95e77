/** How much useless work a peer may cause in one second, in units of the cheapest kind. */
const BUDGET = 10_000;
const PERIOD_MS = 1_000;

/** What frames that do nothing for a call cost. An honest peer sends a few in a second. */
export const Cost = {
  /** A DATA frame of a few bytes that completes no message. */
  TINY_DATA: 1,
  /** PING, SETTINGS, PRIORITY, empty DATA, RST_STREAM and frames of closed streams, unknown types, 1xx. */
  IDLE_FRAME: 10,
  GOAWAY: 100,
  /** A header list over the limit, of a call that is over. */
  OVERSIZE_LIST: 2_000,
} as const;

/** One setting that changes the windows of so many streams. Servers measure bandwidth like this a few times, with any number of streams. */
export function windowsCost(streams: number): number {
  return Math.min(streams / 10, BUDGET / 10);
}

/** Ends connections to peers that flood them. The clock is looked at only when the budget is used up. */
export class FloodGuard {
  readonly #nowMs: () => number;
  #left = BUDGET;
  #sinceMs: number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  /** False when the peer has exceeded its budget. */
  spend(cost: number): boolean {
    this.#left -= cost;
    if (this.#left >= 0) return true;
    const now = this.#nowMs();
    if (now - this.#sinceMs < PERIOD_MS) return false;
    this.#sinceMs = now;
    this.#left = BUDGET - cost;
    return true;
  }
}
