/** How a call ended, as far as load is concerned. */
export type Outcome = 'ok' | 'failed' | 'cancelled';

/** Calls in flight over all Pods of a service; a load bound is measured against them. */
export interface LoadTotal {
  /** Calls in flight on all Pods of the set together. */
  inFlight: number;
}

/** Time in which a latency counts for 1/e; Finagle's and Linkerd's default. */
const DECAY_MS = 10_000;
/** The least latency that a failure counts as: a Pod that fails at once is not a fast one. Linkerd's default penalty is 5 s. */
const FAILURE_MS = 1_000;
/** The least latency that a reply counts as, as in brpc: no Pod is infinitely better than another. */
const FLOOR_MS = 0.001;

/**
 * What podwire learns of one Pod's load. Time comes in with every call, in milliseconds. The latency average is a peak
 * EWMA: it rises to a slow reply at once and forgets it slowly
 * (https://github.com/twitter/finagle, PeakEwma).
 */
export class LoadMeter {
  /** Calls started and not ended. */
  inFlight = 0;
  /** Calls started since the Pod was made. */
  started = 0;
  /** Calls that failed since the Pod was made. */
  failed = 0;
  readonly total: LoadTotal;
  #latencyMs = 0;
  #sampledMs = 0;
  /** False until the first call has ended. */
  sampled = false;
  /**
   * Orders Pods by latency without reading the clock. All averages decay alike, so the ratio of two of them is at any time
   * e to the power of the difference of their ranks.
   */
  latencyRank = Number.NEGATIVE_INFINITY;

  constructor(total: LoadTotal = { inFlight: 0 }) {
    this.total = total;
  }

  start(): void {
    this.inFlight += 1;
    this.started += 1;
    this.total.inFlight += 1;
  }

  /** The call was not sent after all. */
  undo(): void {
    this.inFlight -= 1;
    this.started -= 1;
    this.total.inFlight -= 1;
  }

  end(nowMs: number, latencyMs: number, outcome: Outcome): void {
    this.inFlight -= 1;
    this.total.inFlight -= 1;
    if (outcome === 'failed') this.failed += 1;
    const before = this.latencyMs(nowMs);
    // A call that its caller gave up shows only that the Pod took at least this long.
    if (outcome === 'cancelled' && latencyMs <= before) return;
    const sampleMs = outcome === 'failed' ? Math.max(latencyMs, FAILURE_MS) : latencyMs;
    const weight = Math.exp(-(nowMs - this.#sampledMs) / DECAY_MS);
    const risen = !this.sampled || sampleMs > before;
    this.#latencyMs = risen ? sampleMs : this.#latencyMs * weight + sampleMs * (1 - weight);
    this.#sampledMs = nowMs;
    this.latencyRank = Math.log(Math.max(this.#latencyMs, FLOOR_MS)) + nowMs / DECAY_MS;
    this.sampled = true;
  }

  /** The average now: it decays while nothing is heard, so that a Pod that was slow is tried again. */
  latencyMs(nowMs: number): number {
    return this.#latencyMs * Math.exp(-(nowMs - this.#sampledMs) / DECAY_MS);
  }
}
