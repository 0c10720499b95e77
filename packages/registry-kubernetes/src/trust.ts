import { type Clock, jitteredMs, type Random, type Timer } from '@podwire/core';

/**
 * An API server begins a watch in milliseconds. If it takes longer, a proxy on the way probably holds the watch back, unless the
 * API server or this process is busy: then lists would only add to the load.
 */
const BEGIN_MS = 5_000;
/** A watch that has been open for this long does not count as ended at once. */
const STEADY_MS = 2_000;
/** Until its request is sent, a watch may wait in this process's queue. */
const TURN_MS = 10_000;
/** Between lists while watches are in doubt: twice as long after each that shows nothing new. */
const FIRST_GAP_MS = 1_000;
const MAX_GAP_MS = 10_000;
/** Lists take at most this share of the time, so a large Service is listed less often. */
const LIST_SHARE = 0.1;
const MAX_LIST_GAP_MS = 60_000;
/** When a Pod stops answering, the watch usually reports a change soon: this is how long to wait for it before listing. */
const FIRST_SUSPICION_MS = 5_000;
const MAX_SUSPICION_MS = 300_000;

export interface TrustEnv {
  readonly clock: Clock;
  readonly random: Random;
  /** A watch without a line for this long is silent. */
  readonly idleTimeoutMs: number;
  readonly onChange: () => void;
}

/**
 * Decides whether the watches of one service can be relied on, and when to list the service because they cannot. A watch is
 * reliable when it began in time and sends lines or stays open. A watch that was silent, began late or missed a change
 * probably passes a proxy that holds lines back: it must send lines repeatedly before it is relied on again.
 */
export class Trust {
  /** Why watches are not relied on; undefined while they are. */
  doubt: string | undefined;
  readonly #env: TrustEnv;
  #gapMs = FIRST_GAP_MS;
  #suspicionMs = FIRST_SUSPICION_MS;
  #listedMs = Number.NEGATIVE_INFINITY;
  /** When the watch under way began; undefined while none is open. */
  #openedMs: number | undefined;
  /** How long watches were open since one of them said something, or since the service was listed. */
  #silentMs = 0;
  #isOnProbation = false;
  /** Since when a watch on probation has not been silent. */
  #soundSinceMs: number | undefined;
  #isSuspicion = false;
  /** A watch was cut before it began, and no list has passed since: the API server may be gone altogether. */
  #isUnproven = false;
  #sentMs = 0;
  #limitMs = BEGIN_MS;
  #dueMs = Number.POSITIVE_INFINITY;
  #pollTimer: Timer | undefined;
  #passTimer: Timer | undefined;
  #wake: (() => void) | undefined;

  constructor(env: TrustEnv) {
    this.#env = env;
  }

  /** The doubt as users see it. Until a list succeeds it is not reported, because the API server itself may be gone. */
  get told(): string | undefined {
    return this.#isUnproven ? undefined : this.doubt;
  }

  /** Resolves when a list is due, whether a watch is under way or not; or when `signal` aborts. */
  due(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#pollTimer?.cancel();
        this.#wake = undefined;
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
      else this.#plan(this.#dueMs);
    });
  }

  /** A watch is about to begin. */
  onAsked(): void {
    this.#limitMs = TURN_MS;
    if (this.doubt === undefined) this.#plan(this.#env.clock.nowMs() + TURN_MS);
  }

  /** The watch's request left the queue. */
  onSent(): void {
    const nowMs = this.#env.clock.nowMs();
    this.#sentMs = nowMs;
    this.#limitMs = BEGIN_MS;
    if (this.doubt === undefined) this.#plan(nowMs + BEGIN_MS);
  }

  /** The watch began. */
  onOpen(): void {
    const nowMs = this.#env.clock.nowMs();
    this.#openedMs = nowMs;
    const waitedMs = nowMs - this.#sentMs;
    if (waitedMs > BEGIN_MS) this.#distrust(`a watch began only after ${Math.round(waitedMs)} ms`);
    if (this.#isOnProbation) return;
    if (this.doubt === undefined) this.#plan(Number.POSITIVE_INFINITY);
    this.#passTimer = this.#env.clock.after(STEADY_MS, () => this.#pass());
  }

  /** The watch sent a line. */
  onLine(): void {
    const nowMs = this.#env.clock.nowMs();
    this.#openedMs = nowMs;
    this.#silentMs = 0;
    if (this.#isSuspicion) this.#plan(Number.POSITIVE_INFINITY);
    if (!this.#isOnProbation) return this.#pass();
    this.#soundSinceMs ??= nowMs;
    // A burst of lines that were held back proves nothing; lines at the pace of bookmarks do.
    if (nowMs - this.#soundSinceMs >= 2 * this.#env.idleTimeoutMs) this.#pass();
  }

  /** The watch is over. */
  onOver(): void {
    this.#passTimer?.cancel();
    if (this.#openedMs === undefined) return;
    this.#silentMs += this.#env.clock.nowMs() - this.#openedMs;
    this.#openedMs = undefined;
    // The silence of watches that each ended too early to count is added up.
    if (this.#silentMs >= this.#env.idleTimeoutMs) this.onSilence();
  }

  /** Nothing was heard for too long. */
  onSilence(): void {
    this.#silentMs = 0;
    const { idleTimeoutMs } = this.#env;
    this.#distrust(
      `watches said nothing for ${idleTimeoutMs} ms, neither a change nor a bookmark; is something on the way that holds answers back?`,
    );
  }

  /** The watch ended before it began; `isUnreachable`: no server answered. */
  onRefused(why: string, retryAfterMs: number, isUnreachable: boolean): void {
    this.#isSuspicion = false;
    this.#isUnproven ||= isUnreachable && this.doubt === undefined;
    this.#doubt(why);
    this.#plan(Math.max(this.#listedMs + this.#jitter(this.#gapMs), this.#env.clock.nowMs() + retryAfterMs));
  }

  /** The API server cannot be reached, so a watch that was cut just before does not count against watches. */
  onLost(): void {
    if (this.#isUnproven) this.#pass();
  }

  /** The service was listed in `tookMs`; `isNews` when the list has a change that the open watch had not sent. */
  onListed(isNews: boolean, tookMs: number): void {
    const nowMs = this.#env.clock.nowMs();
    this.#listedMs = nowMs;
    this.#silentMs = 0;
    if (this.#isUnproven) {
      this.#isUnproven = false;
      this.#env.onChange();
    }
    if (isNews && this.#openedMs !== undefined)
      this.#distrust('a list had a change that the watch had not told');
    else if (this.#isSuspicion) this.#suspicionMs = Math.min(this.#suspicionMs * 2, MAX_SUSPICION_MS);
    this.#isSuspicion = false;
    if (this.doubt === undefined) return this.#plan(Number.POSITIVE_INFINITY);
    this.#gapMs = isNews ? FIRST_GAP_MS : Math.min(this.#gapMs * 2, MAX_GAP_MS);
    const leastMs = Math.min(tookMs / LIST_SHARE, MAX_LIST_GAP_MS);
    this.#plan(nowMs + Math.max(this.#jitter(this.#gapMs), leastMs));
  }

  /** A caller has reason to think that the API server knows better by now: a Pod stopped answering, for example. */
  recheck(): void {
    const nowMs = this.#env.clock.nowMs();
    if (this.doubt !== undefined) {
      this.#plan(Math.min(this.#dueMs, Math.max(nowMs, this.#listedMs + FIRST_GAP_MS)));
    } else if (
      this.#openedMs !== undefined &&
      !this.#isSuspicion &&
      this.#dueMs === Number.POSITIVE_INFINITY
    ) {
      this.#plan(nowMs + this.#suspicionMs * (1 + this.#env.random()));
      this.#isSuspicion = true;
    }
  }

  /** No watcher is left, or the next one begins anew. */
  stop(): void {
    this.#passTimer?.cancel();
    this.#pollTimer?.cancel();
    this.#openedMs = undefined;
    this.#isSuspicion = false;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  #pass(): void {
    this.#isOnProbation = false;
    this.#isUnproven = false;
    this.#soundSinceMs = undefined;
    if (this.doubt === undefined) return;
    this.doubt = undefined;
    this.#gapMs = FIRST_GAP_MS;
    this.#plan(Number.POSITIVE_INFINITY);
    this.#env.onChange();
  }

  #distrust(why: string): void {
    this.#isOnProbation = true;
    this.#isUnproven = false;
    this.#soundSinceMs = undefined;
    this.#suspicionMs = FIRST_SUSPICION_MS;
    this.#passTimer?.cancel();
    this.#doubt(why);
  }

  #doubt(why: string): void {
    if (this.doubt === why) return;
    this.doubt = why;
    this.#plan(Math.min(this.#dueMs, this.#listedMs + this.#jitter(this.#gapMs)));
    this.#env.onChange();
  }

  #onDue(): void {
    if (this.#openedMs === undefined && this.doubt === undefined) {
      this.#doubt(`a watch did not begin in ${this.#limitMs} ms; does a proxy on the way buffer answers?`);
    }
    this.#wake?.();
  }

  #plan(dueMs: number): void {
    this.#dueMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) this.#isSuspicion = false;
    this.#pollTimer?.cancel();
    if (this.#wake === undefined || dueMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(dueMs - this.#env.clock.nowMs(), 0);
    this.#pollTimer = this.#env.clock.after(delayMs, () => this.#onDue());
  }

  #jitter(gapMs: number): number {
    return jitteredMs(gapMs, 0.5, 1, this.#env.random);
  }
}
