import { type Clock, type Timer, timers } from '@podwire/core';

/** A dialer that waits for its turn to connect. */
export interface Waiting {
  /** False when no connection is wanted any more. */
  readonly wanted: boolean;
  /** Whether the Pod could not be connected to last time. */
  readonly failing: boolean;
  /** Its turn has come. It calls `leave` when the next one may begin. */
  begin(): void;
}

/** A first attempt that fails costs a tenth of a repeated one: each Pod has only one, and it tells whether the set is usable. */
const FIRST_COST = 0.1;

/**
 * Decides which Pod connects next, over all Pods of a pool. It limits how many connect at the same time, and how many fail in a second: a
 * refused connection costs about 0.3 ms of CPU, and ten thousand Pods that refuse would be tried for ever. Attempts that succeed
 * cost nothing here. Pods that failed before come after those that did not.
 */
export class ConnectGate {
  readonly #clock: Clock;
  readonly #maxAtOnce: number;
  readonly #perSecond: number;
  readonly #first = new Queue<Waiting>();
  readonly #again = new Queue<Waiting>();
  #connecting = 0;
  /** How many attempts may fail now. It is refilled as time passes, up to the limit of one second. */
  #tokens: number;
  #filledMs: number;
  #timer: Timer | undefined;
  #planned = false;
  #isAdmitting = false;

  constructor(clock: Clock, maxAtOnce: number, perSecond: number) {
    this.#clock = clock;
    this.#maxAtOnce = maxAtOnce;
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledMs = clock.nowMs();
  }

  enter(waiting: Waiting): void {
    (waiting.failing ? this.#again : this.#first).push(waiting);
    // Not inside the caller's loop over its Pods.
    if (this.#planned) return;
    this.#planned = true;
    timers.nextTick(() => {
      this.#planned = false;
      this.#admit();
    });
  }

  /** An attempt makes room for the next one. */
  leave(): void {
    this.#connecting -= 1;
    // One that ended at once: thousands that are not wanted any more, each within the one before, would fill the stack.
    if (!this.#isAdmitting) this.#admit();
  }

  /** An attempt succeeded, so it does not count. */
  refund(failing: boolean): void {
    this.#tokens = Math.min(this.#perSecond, this.#tokens + costOf(failing));
  }

  close(): void {
    this.#timer?.cancel();
    this.#first.clear();
    this.#again.clear();
  }

  #admit(): void {
    this.#isAdmitting = true;
    try {
      this.#fill();
      this.#admitAll();
    } finally {
      this.#isAdmitting = false;
    }
  }

  #admitAll(): void {
    while (this.#connecting < this.#maxAtOnce) {
      const queue = this.#first.head === undefined ? this.#again : this.#first;
      const waiting = queue.head;
      if (waiting === undefined) return;
      if (waiting.wanted) {
        const lackMs = ((costOf(waiting.failing) - this.#tokens) / this.#perSecond) * 1_000;
        if (lackMs > 0) return this.#waitFor(lackMs);
        this.#tokens -= costOf(waiting.failing);
      }
      queue.shift();
      this.#connecting += 1;
      waiting.begin();
    }
  }

  #fill(): void {
    const nowMs = this.#clock.nowMs();
    this.#tokens = Math.min(
      this.#perSecond,
      this.#tokens + ((nowMs - this.#filledMs) / 1_000) * this.#perSecond,
    );
    this.#filledMs = nowMs;
  }

  #waitFor(delayMs: number): void {
    // At least 1 ms, so that a fraction lost in rounding does not cause one timer after another.
    this.#timer ??= this.#clock.after(Math.max(delayMs, 1), () => {
      this.#timer = undefined;
      this.#admit();
    });
  }
}

function costOf(failing: boolean): number {
  return failing ? 1 : FIRST_COST;
}

/** A queue, first in, first out, in constant time. */
class Queue<T> {
  #items: T[] = [];
  #at = 0;

  get head(): T | undefined {
    return this.#items[this.#at];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): void {
    this.#at += 1;
    if (this.#at * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#at);
    this.#at = 0;
  }

  clear(): void {
    this.#items = [];
    this.#at = 0;
  }
}
