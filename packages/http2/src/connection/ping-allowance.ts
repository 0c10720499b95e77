/**
 * grpc-go's server ends a connection after the third PING that comes sooner than 5 minutes after the one before, unless the server has
 * sent something for a call meanwhile (its default EnforcementPolicy).
 */
const FREE_PINGS = 2;
const CAREFUL_GAP_MS = 5 * 60_000 + 5_000;

/** The connection whose PINGs are counted. */
export interface Pinged {
  /** Grows with everything received for a call: after such data, servers forgive earlier PINGs. */
  readonly callBytesReceived: number;
}

/** Counts a connection's PINGs as servers with default settings do, over all that send some: keepalive, suspicion, probation. */
export class PingAllowance {
  readonly #peer: Pinged;
  readonly #isSparing: boolean;
  #seenCallBytes = 0;
  #unforgiven = 0;
  #lastPingMs = Number.NEGATIVE_INFINITY;

  /** `isSparing`: whether keepalive keeps to it. */
  constructor(peer: Pinged, isSparing: boolean) {
    this.#peer = peer;
    this.#isSparing = isSparing;
  }

  /** Whether no PING was sent since the server last sent something for a call: then one more leaves enough for keepalive. */
  get isFresh(): boolean {
    this.#forgive();
    return this.#unforgiven === 0;
  }

  /** When keepalive may send its next PING, which it wants to send at `wantedMs`. */
  keepaliveMs(wantedMs: number): number {
    this.#forgive();
    const waits = this.#isSparing && this.#unforgiven >= FREE_PINGS;
    return waits ? Math.max(wantedMs, this.#lastPingMs + CAREFUL_GAP_MS) : wantedMs;
  }

  /** A PING is sent. */
  spend(nowMs: number): void {
    this.#unforgiven += 1;
    this.#lastPingMs = nowMs;
  }

  #forgive(): void {
    const { callBytesReceived } = this.#peer;
    if (callBytesReceived !== this.#seenCallBytes) this.#unforgiven = 0;
    this.#seenCallBytes = callBytesReceived;
  }
}
