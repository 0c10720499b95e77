import type { Clock } from './clock.ts';
import { pause } from './pause.ts';

/** How long a turn of the event loop works before it lets other work in. */
export const TURN_MS = 2;

/** Work that is done in turns, so that no amount of it makes the event loop stand still. */
export class Turns {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #startMs: number;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#startMs = clock.nowMs();
  }

  /** Whether this turn has worked long enough: then `next` is to be awaited. */
  get over(): boolean {
    return this.#clock.nowMs() - this.#startMs >= TURN_MS;
  }

  async next(): Promise<void> {
    await pause(this.#clock, 0, this.#signal);
    this.#startMs = this.#clock.nowMs();
  }
}
