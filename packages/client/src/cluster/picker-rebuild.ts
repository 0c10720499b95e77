import { type Clock, type Incremental, type Timer, TURN_MS, timers } from '@podwire/core';

/** From here on a rebuild is felt: 0.3 ms or more (`node bench/churn/main.mjs`). */
const MANY_PODS = 500;
/** A rebuild takes some 1 to 2 µs a Pod, so that rebuilding is never more than a sixth of the time. */
const COOLDOWN_MS_PER_POD = 0.01;
/** A Pod that is ready seldom comes alone: those that come with it share a rebuild. */
const COALESCE_MS = 3;

/**
 * How soon a change matters. `now`: what the old picker has is of no use. `soon`: a Pod waits for its first call. `later`: the
 * old picker does as well, as it passes over Pods that take no calls.
 */
export type Urgency = 'now' | 'soon' | 'later';

/**
 * When a picker is built anew: once for all that changes in one turn, and in turns of at most {@link TURN_MS}. A large set
 * is rebuilt in turns of its own, and rests in between: else each of ten thousand Pods that connect one after another
 * would cost a walk over all of them. Until it is done the old picker serves; it passes over Pods that take no calls.
 */
export class PickerRebuild {
  readonly #clock: Clock;
  readonly #begin: () => Incremental<void>;
  readonly #count: () => number;
  /** When the planned one begins; undefined when none is. */
  #dueMs: number | undefined;
  #work: Incremental<void> | undefined;
  /** Something changed while a picker was being built, which that one may not know. */
  #stale: Urgency | undefined;
  #timer: Timer | undefined;
  #doneMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** `begin` looks at the Pods and makes the picker; `count` is how many Pods there are. */
  constructor(clock: Clock, begin: () => Incremental<void>, count: () => number) {
    this.#clock = clock;
    this.#begin = begin;
    this.#count = count;
  }

  /** Something changed. */
  plan(urgency: Urgency): void {
    if (this.#closed) return;
    if (this.#work !== undefined) {
      if (this.#stale === undefined || this.#stale === 'later') this.#stale = urgency;
      return;
    }
    const nowMs = this.#clock.nowMs();
    const count = this.#count();
    if (count < MANY_PODS) {
      if (this.#dueMs === undefined) timers.nextTick(() => this.#start());
      this.#dueMs ??= nowMs;
      return;
    }
    const cooldownMs = count * COOLDOWN_MS_PER_POD;
    // Changes arrive in groups (old Pods leave as their replacements come), so wait a little and handle them together.
    const waitMs = { now: 0, soon: Math.min(COALESCE_MS, cooldownMs), later: cooldownMs }[urgency];
    const dueMs = Math.max(this.#doneMs + cooldownMs, nowMs + waitMs);
    if (this.#dueMs !== undefined && this.#dueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.after(dueMs - nowMs, () => this.#start());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#work = undefined;
  }

  #start(): void {
    this.#dueMs = undefined;
    if (this.#closed) return;
    this.#work = this.#begin();
    this.#turn();
  }

  #turn(): void {
    let finished = true;
    try {
      finished = this.#work === undefined || this.#run(this.#work);
    } finally {
      if (finished) this.#done();
    }
  }

  /** False when the turn is over and there is work left. */
  #run(work: Incremental<void>): boolean {
    const startMs = this.#clock.nowMs();
    while (work.next().done !== true) {
      if (this.#closed) return true;
      if (this.#clock.nowMs() - startMs < TURN_MS) continue;
      this.#timer = this.#clock.after(0, () => this.#turn());
      return false;
    }
    return true;
  }

  #done(): void {
    this.#work = undefined;
    this.#doneMs = this.#clock.nowMs();
    const stale = this.#stale;
    this.#stale = undefined;
    if (stale !== undefined) this.plan(stale);
  }
}
