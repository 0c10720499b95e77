/** grpc-go's keepalive.EnforcementPolicy by default: 5 minutes between PINGs, 2 hours without calls, and two strikes. */
const MIN_TIME_MS = 5 * 60_000;
const WITHOUT_CALLS_MS = 2 * 60 * 60_000;
const STRIKES = 2;

/** What grpc-go's server does about PINGs (internal/transport/http2_server.go, handlePing). */
export class PingPolice {
  #strikes = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Something was sent for a call since the last PING. */
  isForgiven = false;

  /** Whether this PING is one too many. */
  onPing(nowMs: number, openStreams: number): boolean {
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (this.isForgiven) {
      this.isForgiven = false;
      this.#strikes = 0;
      return false;
    }
    if (sinceMs < (openStreams === 0 ? WITHOUT_CALLS_MS : MIN_TIME_MS)) this.#strikes += 1;
    return this.#strikes > STRIKES;
  }
}

/** nghttp2's `streamResetBurst` and `streamResetRate`, which every server on Node has. */
const BURST = 1_000;
const PER_SECOND = 33;

/** What nghttp2 does about RST_STREAM since "rapid reset" (CVE-2023-44487). */
export class ResetPolice {
  #tokens = BURST;
  #countedMs = 0;

  /** Whether this reset is one too many. */
  onReset(nowMs: number): boolean {
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#countedMs) * PER_SECOND) / 1_000) - 1;
    this.#countedMs = nowMs;
    return this.#tokens < 0;
  }
}
