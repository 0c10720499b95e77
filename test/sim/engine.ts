import type { Clock, Timer } from '@podwire/core';

/**
 * Where in a turn of Node's event loop something of the client's process runs: timers, then sockets, then the check phase. `WORLD` is
 * everything else: networks and servers, which a stall of the client's process does not stop.
 */
export const Phase = { WORLD: 0, TIMERS: 1, POLL: 2, CHECK: 3 } as const;

/** One thing that will happen. */
class Happening implements Timer {
  atMs: number;
  readonly phase: number;
  readonly order: number;
  /** Undefined once it ran or was cancelled. */
  fn: (() => void) | undefined;
  readonly #onGone: (() => void) | undefined;

  constructor(atMs: number, phase: number, order: number, fn: () => void, onGone: (() => void) | undefined) {
    this.atMs = atMs;
    this.phase = phase;
    this.order = order;
    this.fn = fn;
    this.#onGone = onGone;
  }

  cancel(): void {
    this.take();
  }

  /** What to run; undefined when it was cancelled. */
  take(): (() => void) | undefined {
    const { fn } = this;
    if (fn === undefined) return undefined;
    this.fn = undefined;
    this.#onGone?.();
    return fn;
  }

  isBefore(other: Happening): boolean {
    if (this.atMs !== other.atMs) return this.atMs < other.atMs;
    return this.phase !== other.phase ? this.phase < other.phase : this.order < other.order;
  }
}

/** How many steps are handed to Node's event loop at a time: promises and ticks run after each of them. */
const BATCH = 64;
const START_MS = 1_000;
const START_WALL_MS = 1_700_000_000_000;

/**
 * Virtual time. What happens is in a heap; each step runs one thing, and all promises and ticks that follow from it. The client's process
 * can be stopped for a while: what it would do meanwhile, it does afterwards, in the order of Node's event loop.
 */
export class Engine implements Clock {
  readonly #heap: Happening[] = [];
  #nowMs = START_MS;
  #startWallMs = START_WALL_MS;
  #order = 0;
  #stalledUntilMs = 0;
  #isStopped = false;
  /** Timers of the client's process that have not run. */
  clientTimers = 0;
  /** Steps so far. */
  steps = 0;

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

  /** Until when the client's process stands still; in the past if it runs. */
  get stalledUntilMs(): number {
    return this.#stalledUntilMs;
  }

  /** Stops the client's process: its event loop is blocked, or the whole process is. */
  stall(forMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#nowMs + forMs);
  }

  /** In the world around the client. */
  after(delayMs: number, fn: () => void): Timer {
    return this.#add(this.#nowMs + Math.max(delayMs, 0), Phase.WORLD, fn, undefined);
  }

  /** In the client's process. */
  inClient(phase: number, delayMs: number, fn: () => void): void {
    this.#add(this.#nowMs + delayMs, phase, fn, undefined);
  }

  /** The clock that the client's process has. Node's timers fire at whole milliseconds, and a delay of 0 is one of 1. */
  get clientClock(): Clock {
    const clock: Clock = {
      nowMs: () => this.#nowMs,
      wallMs: () => this.wallMs(),
      after: (delayMs, fn) => {
        const dueMs = Math.max(Math.ceil(this.#nowMs + delayMs), Math.floor(this.#nowMs) + 1);
        this.clientTimers += 1;
        return this.#add(dueMs, Phase.TIMERS, fn, this.#onTimerGone);
      },
    };
    return clock;
  }

  /** Nothing happens any more: the run ends here. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Runs what happens until then. Rejects with what a step throws. */
  run(untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (settle: () => void) => {
        isOver = true;
        settle();
      };
      const step = () => {
        if (isOver) return;
        try {
          if (!this.#step(untilMs)) {
            this.#nowMs = Math.max(this.#nowMs, untilMs);
            end(resolve);
          }
        } catch (error) {
          end(() => reject(error));
        }
      };
      const batch = () => {
        if (isOver) return;
        for (let i = 0; i < BATCH; i++) setImmediate(step);
        setImmediate(batch);
      };
      batch();
    });
  }

  #onTimerGone = (): void => {
    this.clientTimers -= 1;
  };

  /** Runs the next thing; false when there is none until then. */
  #step(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs || this.#isStopped) return false;
      if (next.fn === undefined) this.#pop();
      else if (next.phase !== Phase.WORLD && next.atMs < this.#stalledUntilMs) {
        this.#pop();
        next.atMs = this.#stalledUntilMs;
        this.#push(next);
      } else {
        this.#pop();
        this.#nowMs = Math.max(this.#nowMs, next.atMs);
        this.steps += 1;
        next.take()!();
        return true;
      }
    }
  }

  #add(atMs: number, phase: number, fn: () => void, onGone: (() => void) | undefined): Happening {
    const happening = new Happening(atMs, phase, this.#order++, fn, onGone);
    this.#push(happening);
    return happening;
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!happening.isBefore(heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= length) break;
      if (below + 1 < length && heap[below + 1]!.isBefore(heap[below]!)) below += 1;
      if (!heap[below]!.isBefore(last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}
