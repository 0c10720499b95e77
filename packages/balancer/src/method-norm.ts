/** Four buckets for each doubling, so that a quantile is right to a fifth. */
const PER_DOUBLING = 4;
/** The upper bound of the first bucket. */
const LEAST_MS = 0.25;
/** Up to `LEAST_MS` × 2^24, more than an hour. */
const BUCKETS = 24 * PER_DOUBLING;
/** Below this many replies nothing is known. */
const MIN_REPLIES = 20;
/** When this many were counted, all counts are halved: the last few thousand replies decide. */
const MAX_REPLIES = 4_096;
/** Quantiles are worked out anew when the replies have grown by this share. */
const GROWTH = 1 / 8;

/**
 * How long calls of one method usually take, over all Pods: what is late for a report is not late for a lookup. Only replies count, and
 * none during which this process stalled. It keeps counts in buckets of a fixed size, not replies.
 */
export class MethodNorm {
  /** Undefined until the first reply: most methods that a gateway names once never get one. */
  #counts: Uint16Array | undefined;
  #replies = 0;
  #nextLook = MIN_REPLIES;
  /** Whether every reply had exactly one message. A stream may be silent for as long as it likes. */
  isUnary = true;
  /** In milliseconds; Infinity while it is not known. 99 of 100 replies were faster. */
  p99Ms = Number.POSITIVE_INFINITY;
  /** In milliseconds; 0 while it is not known. Half of the replies were faster. */
  medianMs = 0;

  /** Whether there were enough replies to know what is usual. */
  get isKnown(): boolean {
    return this.p99Ms !== Number.POSITIVE_INFINITY;
  }

  /** A call was answered. `messages`: how many the reply had. */
  add(latencyMs: number, messages: number): void {
    if (messages !== 1) this.isUnary = false;
    this.#counts ??= new Uint16Array(BUCKETS);
    const at = bucketOf(latencyMs);
    this.#counts[at] = this.#counts[at]! + 1;
    this.#replies += 1;
    if (this.#replies >= this.#nextLook) this.#look(this.#counts);
  }

  #look(counts: Uint16Array): void {
    if (this.#replies >= MAX_REPLIES) {
      this.#replies = 0;
      for (let i = 0; i < BUCKETS; i++) {
        counts[i] = counts[i]! >>> 1;
        this.#replies += counts[i]!;
      }
    }
    this.#nextLook = Math.ceil(this.#replies * (1 + GROWTH));
    this.medianMs = quantile(counts, this.#replies * 0.5);
    this.p99Ms = quantile(counts, this.#replies * 0.99);
  }
}

function bucketOf(latencyMs: number): number {
  if (latencyMs <= LEAST_MS) return 0;
  return Math.min(Math.ceil(Math.log2(latencyMs / LEAST_MS) * PER_DOUBLING), BUCKETS - 1);
}

/** The upper bound of the bucket in which the `rank`th reply is. */
function quantile(counts: Uint16Array, rank: number): number {
  let seen = 0;
  let at = 0;
  while (at < BUCKETS - 1) {
    seen += counts[at]!;
    if (seen >= rank) break;
    at += 1;
  }
  return LEAST_MS * 2 ** (at / PER_DOUBLING);
}
