/** How a call ended, as far as load is concerned. */
export type Outcome = 'ok' | 'failed' | 'cancelled';

/** What podwire learns of one Pod's load. Time comes in with every call, in milliseconds. */
export class LoadMeter {
  /** Calls started and not ended. */
  inFlight = 0;
  /** Calls started since the Pod was made. */
  started = 0;
  /** Calls that failed since the Pod was made. */
  failed = 0;

  start(_nowMs: number): void {
    this.inFlight += 1;
    this.started += 1;
  }

  end(_nowMs: number, _latencyMs: number, outcome: Outcome): void {
    this.inFlight -= 1;
    if (outcome === 'failed') this.failed += 1;
  }
}
