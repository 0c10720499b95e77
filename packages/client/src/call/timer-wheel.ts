import type { Clock, Timer } from '@podwire/core';

/** An entry of the wheel. It is itself the list node, so that a deadline costs no allocation of its own. */
export abstract class WheelEntry {
  wheelSlot = -1;
  wheelPrevious: WheelEntry | undefined;
  wheelNext: WheelEntry | undefined;
  /** When it is due, on the clock's `nowMs`; does not change while it is in the wheel. */
  abstract readonly dueMs: number;
  /** Called once, when the entry is due and was not removed. */
  abstract onDue(): void;
}

/**
 * The resolution. A deadline is never early, and late by this much at most while the event loop runs. It is fine-grained because servers
 * enforce deadlines, too: when a server's answer comes first, the error does not tell the Pod and where the time went.
 */
const TICK_MS = 1;
/** Slots of the near level: 1024 × 1 ms. Nearly every deadline that fires does so from here. */
const SLOTS = 1024;
/** Slot number of entries beyond the near level. They move there when their time comes near. */
const FAR = SLOTS;
const HORIZON_MS = SLOTS * TICK_MS;
/** A timer that is this late was lost, or the event loop stalls. In both cases another timer does no harm. */
const LOST_MS = 1_000;

/**
 * The deadlines of all calls of a channel, with one timer. Adding and removing are O(1) and allocate nothing. The timer is set for the
 * earliest slot in use. Entries found due are decided in `afterPoll`, so that after a stall of the event loop a reply that has
 * already arrived in a socket still counts.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #afterPoll: (fn: () => void) => void;
  /** One list per tick of the near level, and one for everything beyond it. */
  readonly #heads: (WheelEntry | undefined)[] = new Array(SLOTS + 1).fill(undefined);
  #size = 0;
  #timer: Timer | undefined;
  #armedMs = Number.POSITIVE_INFINITY;
  /** Ticks up to this one have been expired. */
  #doneTick: number;
  /** When to look through the far list next. */
  #farMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, afterPoll: (fn: () => void) => void) {
    this.#clock = clock;
    this.#afterPoll = afterPoll;
    this.#doneTick = Math.floor(clock.nowMs() / TICK_MS) - 1;
  }

  /** Entries in the wheel. */
  get size(): number {
    return this.#size;
  }

  /** Adds an entry that is in no wheel; `nowMs` is the time now, and the entry's `dueMs` must be finite. */
  add(entry: WheelEntry, nowMs: number): void {
    if (this.#size === 0) this.#doneTick = Math.floor(nowMs / TICK_MS) - 1;
    this.#size += 1;
    // A timer that should have fired long ago never will, and all deadlines would wait for it.
    const isLost = this.#armedMs + LOST_MS < nowMs;
    if (isLost) this.#armedMs = Number.POSITIVE_INFINITY;
    const atMs = this.#link(entry);
    this.#arm(isLost ? nowMs : atMs);
  }

  /** Takes an entry out; does nothing when it is not in. */
  remove(entry: WheelEntry): void {
    if (entry.wheelSlot < 0) return;
    this.#unlink(entry);
    this.#size -= 1;
    if (this.#size === 0) this.#disarm();
  }

  /** Returns when the entry's list must be looked at. */
  #link(entry: WheelEntry): number {
    // A deadline in the past goes into the next tick that is expired.
    const tick = Math.max(Math.floor(entry.dueMs / TICK_MS), this.#doneTick + 1);
    const far = tick - this.#doneTick > SLOTS;
    const slot = far ? FAR : tick % SLOTS;
    const next = this.#heads[slot];
    entry.wheelSlot = slot;
    entry.wheelNext = next;
    if (next !== undefined) next.wheelPrevious = entry;
    this.#heads[slot] = entry;
    if (!far) return (tick + 1) * TICK_MS;
    this.#farMs = Math.min(this.#farMs, entry.dueMs - HORIZON_MS / 2);
    return this.#farMs;
  }

  #unlink(entry: WheelEntry): void {
    const { wheelPrevious, wheelNext, wheelSlot } = entry;
    if (wheelPrevious === undefined) this.#heads[wheelSlot] = wheelNext;
    else wheelPrevious.wheelNext = wheelNext;
    if (wheelNext !== undefined) wheelNext.wheelPrevious = wheelPrevious;
    entry.wheelPrevious = undefined;
    entry.wheelNext = undefined;
    entry.wheelSlot = -1;
  }

  #arm(atMs: number): void {
    // A timer that fires for nothing costs less than moving the timer for every call.
    if (atMs >= this.#armedMs) return;
    this.#timer?.cancel();
    this.#armedMs = atMs;
    this.#timer = this.#clock.after(Math.max(Math.ceil(atMs - this.#clock.nowMs()), 0), () => {
      this.#disarm();
      this.#afterPoll(() => this.#expire());
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedMs = Number.POSITIVE_INFINITY;
  }

  #expire(): void {
    const nowMs = this.#clock.nowMs();
    const nowTick = Math.floor(nowMs / TICK_MS);
    const from = Math.max(this.#doneTick + 1, nowTick - SLOTS);
    const due: WheelEntry[] = [];
    for (let tick = from; tick < nowTick; tick++) this.#take(tick % SLOTS, nowTick * TICK_MS, due);
    this.#doneTick = Math.max(this.#doneTick, nowTick - 1);
    if (nowMs >= this.#farMs) this.#sweepFar(nowMs, due);
    this.#armNext();
    for (const entry of due) entry.onDue();
  }

  #take(slot: number, beforeMs: number, due: WheelEntry[]): void {
    for (let entry = this.#heads[slot]; entry !== undefined; ) {
      const next: WheelEntry | undefined = entry.wheelNext;
      if (entry.dueMs < beforeMs) {
        this.#unlink(entry);
        this.#size -= 1;
        due.push(entry);
      }
      entry = next;
    }
  }

  /** Moves entries whose time has come near from the far list into their slots. */
  #sweepFar(nowMs: number, due: WheelEntry[]): void {
    this.#farMs = Number.POSITIVE_INFINITY;
    this.#take(FAR, nowMs, due);
    let entry = this.#heads[FAR];
    this.#heads[FAR] = undefined;
    while (entry !== undefined) {
      const next: WheelEntry | undefined = entry.wheelNext;
      entry.wheelPrevious = undefined;
      entry.wheelNext = undefined;
      this.#link(entry);
      entry = next;
    }
  }

  #armNext(): void {
    if (this.#size === 0) return;
    for (let tick = this.#doneTick + 1; tick <= this.#doneTick + SLOTS; tick++) {
      if (this.#heads[tick % SLOTS] !== undefined) {
        this.#arm(Math.min((tick + 1) * TICK_MS, this.#farMs));
        return;
      }
    }
    this.#arm(this.#farMs);
  }
}
