import type { Call } from '../call/call.ts';

/** Calls that wait for a Pod, in the order they came; bounded in number. */
export class WaitQueue {
  readonly #calls = new Set<Call>();
  readonly #maxCalls: number;

  constructor(maxCalls: number) {
    this.#maxCalls = maxCalls;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** False when it is full. */
  add(call: Call): boolean {
    if (this.#calls.size >= this.#maxCalls) return false;
    this.#calls.add(call);
    return true;
  }

  remove(call: Call): void {
    this.#calls.delete(call);
  }

  /** Somebody has room: calls try again, in order, until one finds none. */
  flush(): void {
    // Not a copy: where one call ends another begins, this runs for every reply.
    for (const call of this.#calls) {
      this.#retry(call);
      if (call.phase === 'waiting' && call.request.pod === undefined) return;
    }
  }

  /** Lets every call look again: perhaps there is nothing to wait for any more. */
  reconsider(): void {
    for (const call of [...this.#calls]) this.#retry(call);
  }

  #retry(call: Call): void {
    call.begin();
    if (call.phase !== 'waiting') this.#calls.delete(call);
  }
}
