import type { Call } from '../call/call.ts';

/** Calls that wait for a Pod, in the order they came; bounded in number. */
export class WaitQueue {
  readonly #calls = new Set<Call>();
  readonly #maxCalls: number;
  /** Of them, those that name or exclude Pods. */
  #steered = 0;

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
    if (isSteered(call)) this.#steered += 1;
    return true;
  }

  remove(call: Call): void {
    if (this.#calls.delete(call) && isSteered(call)) this.#steered -= 1;
  }

  /** A Pod has room: calls try again, in order, until one finds none. */
  flush(): void {
    // Not a copy: where one call ends another begins, this runs for every reply.
    for (const call of this.#calls) {
      this.#retry(call);
      if (call.phase === 'waiting' && !isSteered(call)) return;
    }
  }

  /** A Pod failed: calls that wait for one of their own look again. */
  reconsiderSteered(): void {
    if (this.#steered === 0) return;
    for (const call of [...this.#calls]) if (isSteered(call)) this.#retry(call);
  }

  /** Lets every call look again: perhaps there is nothing to wait for any more. */
  reconsider(): void {
    for (const call of [...this.#calls]) this.#retry(call);
  }

  #retry(call: Call): void {
    call.begin();
    if (call.phase !== 'waiting') this.remove(call);
  }
}

/** Whether the call's metadata name or exclude Pods, so that it may wait where others find room. */
function isSteered({ request }: Call): boolean {
  return request.pod !== undefined || request.exclude !== undefined;
}
