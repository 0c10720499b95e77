import type { Clock, Timer } from '../index.ts';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock that stands still until it is moved; timers run in the order they are due. */
export class VirtualClock implements Clock {
  #nowMs = 1_000;
  #startWallMs: number;
  #order = 0;
  readonly #entries = new Set<Entry>();

  constructor(startWallMs = 1_700_000_000_000) {
    this.#startWallMs = startWallMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#startWallMs + this.#nowMs;
  }

  /** Sets the wall clock, as NTP or a person does: no time passes. */
  stepWall(byMs: number): void {
    this.#startWallMs += byMs;
  }

  /** Timers that have not run. */
  get pending(): number {
    return this.#entries.size;
  }

  after(delayMs: number, fn: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(delayMs, 0), order: this.#order++, fn };
    this.#entries.add(entry);
    return {
      cancel: () => {
        this.#entries.delete(entry);
      },
    };
  }

  /** Moves time on and runs what falls due, letting promises settle after each timer. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    await settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#entries.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fn();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** Moves time on without letting promises run in between. */
  advanceSync(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#entries.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fn();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Entry | undefined {
    let best: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.atMs > untilMs) continue;
      if (
        best === undefined ||
        entry.atMs < best.atMs ||
        (entry.atMs === best.atMs && entry.order < best.order)
      )
        best = entry;
    }
    return best;
  }
}

/** Lets promise chains and immediates run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
