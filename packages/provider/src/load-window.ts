import { status as Status } from '@grpc/grpc-js';
import type { Clock } from '@podwire/core';
import type { LoadReport } from './load-wire.ts';
import type { Usage } from './process-usage.ts';

/** Load is measured over at least this long. */
export const WINDOW_MS = 1_000;

/** Codes that say more of the server than of the call. */
const SERVERS_ERRORS: ReadonlySet<number> = new Set([
  Status.UNKNOWN,
  Status.DEADLINE_EXCEEDED,
  Status.RESOURCE_EXHAUSTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);

/** Measures the load between two reports, without a timer. */
export class LoadWindow {
  readonly #clock: Clock;
  readonly #usage: () => Usage;
  #calls = 0;
  #errors = 0;
  #sinceMs: number;
  #before: Usage;
  #report: LoadReport | undefined;

  constructor(clock: Clock, usage: () => Usage) {
    this.#clock = clock;
    this.#usage = usage;
    this.#sinceMs = clock.nowMs();
    this.#before = usage();
  }

  /** A call ended. */
  count(code: number): void {
    this.#calls += 1;
    if (SERVERS_ERRORS.has(code)) this.#errors += 1;
  }

  /** The newest report, the same object until a second has passed; undefined in the first second. */
  report(): LoadReport | undefined {
    const nowMs = this.#clock.nowMs();
    const tookMs = nowMs - this.#sinceMs;
    if (tookMs < WINDOW_MS) return this.#report;
    const used = this.#usage();
    const cpuUtilization = (used.cpuMs - this.#before.cpuMs) / tookMs;
    const eventLoop = (used.loopMs - this.#before.loopMs) / tookMs;
    this.#report = {
      cpuUtilization,
      eventLoop,
      applicationUtilization: Math.max(cpuUtilization, eventLoop),
      callsPerSecond: (this.#calls / tookMs) * 1_000,
      errorsPerSecond: (this.#errors / tookMs) * 1_000,
    };
    this.#calls = 0;
    this.#errors = 0;
    this.#sinceMs = nowMs;
    this.#before = used;
    return this.#report;
  }
}
