import type { Clock, Timer } from '../clock.ts';

/** Runs `fn` when asked: at once if it did not run for a while, else once when that while is over. */
export class Pace {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #fn: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock, everyMs: number, fn: () => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#fn = fn;
  }

  /** Whether a run is due and waits. */
  get waits(): boolean {
    return this.#timer !== undefined;
  }

  ask(): void {
    if (this.#timer !== undefined) return;
    const delayMs = this.#lastMs + this.#everyMs - this.#clock.nowMs();
    if (delayMs <= 0) this.#run();
    else this.#timer = this.#clock.after(delayMs, () => this.#run());
  }

  /** Runs what waits now. */
  flush(): void {
    if (this.#timer !== undefined) this.#run();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    this.cancel();
    this.#lastMs = this.#clock.nowMs();
    this.#fn();
  }
}
