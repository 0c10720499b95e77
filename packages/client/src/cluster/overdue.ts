import { Evidence } from '@podwire/balancer';
import type { Timer } from '@podwire/core';
import type { Env } from '../env.ts';
import type { WatchedAttempt } from '../pod/pod.ts';

/** The cluster, as far as overdue attempts need it. */
export interface OverdueOptions {
  readonly env: Env;
  /** The stall meter now. */
  stalledMs(nowMs: number): number;
  /** It counts as a time-out from now on. */
  onOverdue(attempt: WatchedAttempt, nowMs: number): void;
}

/** How often a unary call may be open for the p99 of its method. */
const FACTOR = 10;
/** No call is overdue before. */
const LEAST_MS = 250;
/** How long to wait at least before the list is looked at again. */
const PAUSE_MS = 25;

/**
 * Finds unary attempts that are open for much longer than their method takes, before their deadlines: a Pod that answers PINGs and no calls is known
 * after three of them. The open attempts of a cluster are a list in order of age, so that an attempt costs no allocation.
 */
export class Overdue {
  readonly #options: OverdueOptions;
  #oldest: WatchedAttempt | undefined;
  #newest: WatchedAttempt | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: OverdueOptions) {
    this.#options = options;
  }

  /** It was sent now. */
  add(attempt: WatchedAttempt): void {
    attempt.isListed = true;
    attempt.olderOpen = this.#newest;
    if (this.#newest === undefined) this.#oldest = attempt;
    else this.#newest.newerOpen = attempt;
    this.#newest = attempt;
    if (this.#timer === undefined) this.#plan(LEAST_MS);
  }

  /** It ended, or needs no watch any more. */
  remove(attempt: WatchedAttempt): void {
    if (!attempt.isListed) return;
    const { olderOpen, newerOpen } = attempt;
    attempt.isListed = false;
    attempt.olderOpen = undefined;
    attempt.newerOpen = undefined;
    if (olderOpen === undefined) this.#oldest = newerOpen;
    else olderOpen.newerOpen = newerOpen;
    if (newerOpen === undefined) this.#newest = olderOpen;
    else newerOpen.olderOpen = olderOpen;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #plan(delayMs: number): void {
    if (this.#closed) return;
    const { clock, afterPoll } = this.#options.env;
    // After a stall of this process, replies that are here already are read first.
    this.#timer = clock.after(Math.max(delayMs, PAUSE_MS), () => afterPoll(() => this.#look()));
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = this.#options.env.clock.nowMs();
    const stalledMs = this.#options.stalledMs(nowMs);
    let nextMs = Number.POSITIVE_INFINITY;
    for (let one = this.#oldest, newer: typeof one; one !== undefined; one = newer) {
      newer = one.newerOpen;
      const openMs = nowMs - one.startedMs;
      if (openMs < LEAST_MS) {
        nextMs = Math.min(nextMs, LEAST_MS - openMs);
        break;
      }
      // What passed while this process did not run is not the Pod's.
      const leftMs = limitMs(one) - openMs + (stalledMs - one.stalledMs);
      if (leftMs <= 0 || leftMs === Number.POSITIVE_INFINITY) this.remove(one);
      else nextMs = Math.min(nextMs, leftMs);
      if (leftMs > 0) continue;
      one.evidence = Evidence.TIMEOUT;
      this.#options.onOverdue(one, nowMs);
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#plan(nextMs);
  }
}

/** For how long it may be open; Infinity if nothing is known, or it is a stream. */
function limitMs({ norm, receivedBytes }: WatchedAttempt): number {
  const isJudged = norm.isUnary && receivedBytes === 0;
  return isJudged ? Math.max(FACTOR * norm.p99Ms, LEAST_MS) : Number.POSITIVE_INFINITY;
}
