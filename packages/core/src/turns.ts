import type { Clock } from './clock.ts';
import { pause } from './pause.ts';

/** How long work may take in one turn of the event loop before it lets other work in. */
export const TURN_MS = 2;

/** Divides work into turns of the event loop, so that no amount of it blocks the process. */
export class Turns {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #startMs: number;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#startMs = clock.nowMs();
  }

  /** Whether this turn has lasted long enough, so that the caller should await `next`. */
  get over(): boolean {
    return this.#clock.nowMs() - this.#startMs >= TURN_MS;
  }

  async next(): Promise<void> {
    await pause(this.#clock, 0, this.#signal);
    this.#startMs = this.#clock.nowMs();
  }
}
