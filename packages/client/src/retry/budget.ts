/** The options of a retry budget. */
export interface BudgetOptions {
  /** How many retries there may be for 100 calls. */
  readonly percent: number;
  /** How many there may be a second in any case, so that a service with few calls can retry at all. */
  readonly minPerSecond: number;
  /** Over how long calls and retries are counted. */
  readonly windowMs: number;
}

/** Into how many slots the window is divided. The oldest one is forgotten as a whole. */
const SLOTS = 10;

/**
 * The retry budget of one channel: further attempts at calls may be a share of the calls, counted over a window that slides (Finagle's
 * `RetryBudget`, with a floor of 1/s in the place of 10/s, which would double the load of a service with 10 calls a second). When every Pod
 * fails, retries add a fifth to the load and not a multiple of it.
 */
export class RetryBudget {
  readonly options: BudgetOptions;
  readonly #slotMs: number;
  /** Per slot: calls, then retries. */
  readonly #counts = new Uint32Array(2 * SLOTS);
  #calls = 0;
  #retries = 0;
  /** The number of the newest slot: time divided by its length. */
  #newest = 0;

  constructor(options: BudgetOptions) {
    this.options = options;
    this.#slotMs = options.windowMs / SLOTS;
  }

  /** How many more retries there may be now. */
  left(nowMs: number): number {
    this.#advance(nowMs);
    const { percent, minPerSecond, windowMs } = this.options;
    return (this.#calls * percent) / 100 + (minPerSecond * windowMs) / 1_000 - this.#retries;
  }

  /** A call began. */
  onCall(nowMs: number): void {
    this.#advance(nowMs);
    this.#calls += 1;
    this.#counts[this.#at]! += 1;
  }

  /** Takes a retry from the budget; false if none is left. */
  take(nowMs: number): boolean {
    if (this.left(nowMs) < 1) return false;
    this.#retries += 1;
    this.#counts[this.#at + 1]! += 1;
    return true;
  }

  get #at(): number {
    return 2 * (this.#newest % SLOTS);
  }

  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs);
    if (slot <= this.#newest) return;
    const first = Math.max(this.#newest + 1, slot - SLOTS + 1);
    for (let passed = first; passed <= slot; passed++) {
      const at = 2 * (passed % SLOTS);
      this.#calls -= this.#counts[at]!;
      this.#retries -= this.#counts[at + 1]!;
      this.#counts[at] = 0;
      this.#counts[at + 1] = 0;
    }
    this.#newest = slot;
  }
}
