/** A call that waits for a Pod. */
export interface Waiter {
  /** Whether its metadata names or excludes Pods, so that it may have to wait where other calls find room. */
  readonly isSteered: boolean;
  /** Looks for a Pod again; false while it still waits here. */
  retry(): boolean;
}

/** How many calls of one channel may wait, over all its clusters. */
export class WaitLimit {
  maxCalls: number;
  /** Calls that wait now. */
  waiting = 0;

  constructor(maxCalls: number) {
    this.maxCalls = maxCalls;
  }
}

/**
 * A queue that was not empty for longer than this is one that only grows: its oldest calls will be over before they are answered. The
 * time is that of CoDel as Facebook uses it (B. Maurer, "Fail at Scale", 2015: adaptive LIFO, 100 ms).
 */
const STANDING_MS = 100;

/**
 * Calls that wait for a Pod of one cluster. They are served in the order in which they came, while the queue empties now and then; otherwise the
 * newest first, because it has the most time left.
 */
export class WaitQueue {
  readonly #waiters = new Set<Waiter>();
  readonly #limit: WaitLimit;
  readonly #nowMs: () => number;
  /** The same in the order of arrival, with some that are gone: sets cannot be read from their end. */
  #arrivals: Waiter[] = [];
  /** When the queue last became longer than nothing. */
  #sinceMs = 0;
  /** How many of them name or exclude Pods. */
  #steered = 0;

  constructor(limit: WaitLimit, nowMs: () => number) {
    this.#limit = limit;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** Adds a call; false when the limit is reached. */
  add(waiter: Waiter): boolean {
    // It looked from here, was sent, and came back at once.
    if (this.#waiters.has(waiter)) return true;
    if (this.#limit.waiting >= this.#limit.maxCalls) return false;
    this.#limit.waiting += 1;
    if (this.#waiters.size === 0) this.#sinceMs = this.#nowMs();
    this.#waiters.add(waiter);
    if (waiter.isSteered) this.#steered += 1;
    if (this.#arrivals.length > 2 * this.#waiters.size) this.#arrivals = [...this.#waiters];
    else this.#arrivals.push(waiter);
    return true;
  }

  remove(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    this.#limit.waiting -= 1;
    if (waiter.isSteered) this.#steered -= 1;
    if (this.#waiters.size === 0) this.#arrivals = [];
  }

  /** A Pod has room: calls try again, in order, until one finds none. */
  flush(): void {
    if (this.#waiters.size === 0) return;
    if (this.#nowMs() - this.#sinceMs > STANDING_MS) return this.#flushNewest();
    // The set is not copied, because under load this runs for every reply.
    for (const waiter of this.#waiters) if (!this.#retry(waiter) && !waiter.isSteered) return;
  }

  /** A Pod failed: calls that name or exclude Pods look again. */
  reconsiderSteered(): void {
    if (this.#steered === 0) return;
    for (const waiter of [...this.#waiters]) if (waiter.isSteered) this.#retry(waiter);
  }

  /** Lets every call look again: there may be nothing left to wait for. */
  reconsider(): void {
    for (const waiter of [...this.#waiters]) this.#retry(waiter);
  }

  #flushNewest(): void {
    const arrivals = this.#arrivals;
    for (let at = arrivals.length - 1; at >= 0; at--) {
      const waiter = arrivals[at]!;
      if (this.#waiters.has(waiter)) {
        if (!this.#retry(waiter) && !waiter.isSteered) return;
      }
      // A call that found room, or is gone, is not looked at again.
      if (arrivals === this.#arrivals && at === arrivals.length - 1 && !this.#waiters.has(waiter))
        arrivals.pop();
    }
  }

  #retry(waiter: Waiter): boolean {
    const found = waiter.retry();
    if (found) this.remove(waiter);
    return found;
  }
}
