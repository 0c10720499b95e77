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

/** Calls that wait for a Pod of one cluster, in the order in which they came. */
export class WaitQueue {
  readonly #waiters = new Set<Waiter>();
  readonly #limit: WaitLimit;
  /** How many of them name or exclude Pods. */
  #steered = 0;

  constructor(limit: WaitLimit) {
    this.#limit = limit;
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
    this.#waiters.add(waiter);
    if (waiter.isSteered) this.#steered += 1;
    return true;
  }

  remove(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    this.#limit.waiting -= 1;
    if (waiter.isSteered) this.#steered -= 1;
  }

  /** A Pod has room: calls try again, in order, until one finds none. */
  flush(): void {
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

  #retry(waiter: Waiter): boolean {
    const found = waiter.retry();
    if (found) this.remove(waiter);
    return found;
  }
}
