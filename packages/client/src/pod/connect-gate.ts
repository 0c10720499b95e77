import { type Clock, type Timer, timers } from '@podwire/core';

/** What waits for its turn to connect. */
export interface Waiting {
  /** False when no connection is wanted any more. */
  readonly wanted: boolean;
  /** Whether the Pod could not be connected to last time. */
  readonly failing: boolean;
  /** It is its turn: `leave` is called when the next one's turn has come. */
  begin(): void;
}

/** A first attempt that fails costs a tenth of a repeated one: it is made once for each Pod, and tells what the set is worth. */
const FIRST_COST = 0.1;

/**
 * Whose turn it is to connect, over all Pods of one side of a channel. So many connect at the same time, and so many fail in a second: a
 * connect that is refused costs some 0.3 ms of CPU, and ten thousand Pods that refuse would be tried for ever. Connects that succeed
 * cost nothing here. Pods that failed before come after those that did not.
 */
export class ConnectGate {
  readonly #clock: Clock;
  readonly #maxAtOnce: number;
  readonly #perSecond: number;
  readonly #first = new Queue<Waiting>();
  readonly #again = new Queue<Waiting>();
  #connecting = 0;
  /** Attempts that may fail now; refilled as time passes, up to what a second gives. */
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
    // Not inside the caller, which may be going over its Pods.
    if (this.#planned) return;
    this.#planned = true;
    timers.nextTick(() => {
      this.#planned = false;
      this.#admit();
    });
  }

  /** One that began makes room for the next. */
  leave(): void {
    this.#connecting -= 1;
    // One that ended at once: thousands that are not wanted any more, each within the one before, would fill the stack.
    if (!this.#isAdmitting) this.#admit();
  }

  /** An attempt succeeded: it is not counted. */
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
    // A fraction that is lost in rounding must not be waited for again and again.
    this.#timer ??= this.#clock.after(Math.max(delayMs, 1), () => {
      this.#timer = undefined;
      this.#admit();
    });
  }
}

function costOf(failing: boolean): number {
  return failing ? 1 : FIRST_COST;
}

/** First in, first out; each in constant time. */
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
