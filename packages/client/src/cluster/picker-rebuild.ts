import { type Clock, type Incremental, type Timer, TURN_MS, timers } from '@podwire/core';

/** With this many Pods a rebuild becomes noticeable: 0.3 ms or more (`node bench/churn/main.mjs`). */
const MANY_PODS = 500;
/** The rest after a rebuild. A rebuild takes 1 to 2 µs per Pod, so rebuilding never takes more than a sixth of the time. */
const COOLDOWN_MS_PER_POD = 0.01;
/** How long to wait for more Pods that become ready, which seldom happens to one alone: they share a rebuild. */
const COALESCE_MS = 3;

/**
 * How soon a change matters. `now`: the old picker is of no use. `soon`: a Pod waits for its first call. `later`: the
 * old picker is good enough, because it passes over Pods that take no calls.
 */
export type Urgency = 'now' | 'soon' | 'later';

/**
 * Decides when a new picker is built: once for all changes of one turn, and in turns of at most {@link TURN_MS}. After the rebuild of a
 * large set there is a rest; otherwise each of ten thousand Pods that connect one after another would cost a walk over all of them.
 * Until the new picker is done the old one serves, and passes over Pods that take no calls.
 */
export class PickerRebuild {
  readonly #clock: Clock;
  readonly #begin: () => Incremental<void>;
  readonly #count: () => number;
  /** When the planned rebuild begins; undefined when none is planned. */
  #dueMs: number | undefined;
  #work: Incremental<void> | undefined;
  /** The urgency of a change during a build, which the new picker may not include. */
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

  /** Call it when something changed. */
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
