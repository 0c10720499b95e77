import { RateWindow } from './rate-window.ts';

/** Why a Pod is ejected; the words of gRFC A91, where it has them. */
export type EjectionReason =
  | 'consecutive_failures'
  | 'consecutive_timeouts'
  | 'success_rate'
  | 'failure_percentage';

/** Successes that end a probation. One good reply ends a run; a rate needs more. */
export const NEEDED = {
  consecutive_failures: 1,
  consecutive_timeouts: 1,
  success_rate: 3,
  failure_percentage: 3,
} as const satisfies Readonly<Record<EjectionReason, number>>;

/** Why a Pod that deserved it is not ejected. */
export type Unenforced = 'max_ejection_overflow' | 'no_witness';

/** A call on probation: the attempt itself. */
export interface Probe {
  /** When it was sent, on the monotonic clock. */
  readonly startedMs: number;
  /** Bytes of the messages that it has delivered. */
  readonly receivedBytes: number;
}

/** A Pod's time outside. */
export interface Ejection {
  /** The rule by which it was taken out. */
  readonly reason: EjectionReason;
  /** When, on the monotonic clock. */
  readonly sinceMs: number;
  /** When its probation begins. */
  readonly untilMs: number;
  /** `out`: it gets no calls. `pinged`: its probation begins with a PING. `probation`: it gets one call at a time. */
  phase: 'out' | 'pinged' | 'probation';
  /** Successes that it still needs to come back. */
  missing: number;
  /** Its call on probation. */
  probe: Probe | undefined;
}

/** Attempts by what they say of Pods. */
export interface Tally {
  readonly successes: number;
  readonly losses: number;
}

const NONE: Tally = { successes: 0, losses: 0 };

/** What came to a tally. */
export const since = (before: Tally, now: Tally): Tally => ({
  successes: now.successes - before.successes,
  losses: now.losses - before.losses,
});

/** How many different keys a run must have under a policy that sends equal keys to one Pod. */
const MIN_KEYS = 3;

/** What outlier detection knows of one Pod. Made at the Pod's first attempt. */
export class PodRecord {
  readonly window: RateWindow = new RateWindow();
  /** Failures since the last success. */
  failures = 0;
  /** Time-outs since the last reply. */
  timeouts = 0;
  /** Successes and others since the Pod became known. */
  successes = 0;
  losses = 0;
  /** What the other Pods had had when the run of failures began, and when that of time-outs did. */
  othersAtFailure: Tally = NONE;
  othersAtTimeout: Tally = NONE;
  /** What its run of failures, or of time-outs, was held back by; told once. */
  unenforced: Unenforced | undefined;
  ejection: Ejection | undefined;
  /** How often it was ejected, less one for each minute without. */
  times = 0;
  /** When it came back last. */
  returnedMs = 0;
  /** When it left the set; undefined while it is in. */
  leftMs: number | undefined;
  /** Different keys of the calls in the runs. */
  readonly #keys: number[] = [];

  /** Whether the runs have calls of enough different keys: a key that kills every call must not eject one Pod after the other. */
  get hasKeys(): boolean {
    return this.#keys.length >= MIN_KEYS;
  }

  addKey(hash: number): void {
    if (this.#keys.length < MIN_KEYS && !this.#keys.includes(hash)) this.#keys.push(hash);
  }

  /** A success: no run goes on. */
  endRuns(): void {
    this.failures = 0;
    this.timeouts = 0;
    this.unenforced = undefined;
    this.#keys.length = 0;
  }

  /** Another process may be behind the Pod's address now: forgets how the last one did. */
  clear(): void {
    this.endRuns();
    this.window.clear();
  }
}
