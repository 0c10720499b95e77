import type { EjectionReason, Unenforced } from '@podwire/balancer';
import type { Observer } from './observer.ts';

/** Counts of a channel since it was made. They never fall. */
export interface Counters {
  /** Ejections, by reason. */
  readonly ejected: Readonly<Record<EjectionReason, number>>;
  /** Ejections that were deserved and not enforced, by the cause (gRFC A91). */
  readonly notEjected: Readonly<Record<Unenforced, number>>;
  /** Pods that came back from an ejection. */
  readonly returned: number;
  /** Times that a Pod became suspect. */
  readonly suspected: number;
  /** Times that too few Pods were left. */
  readonly panics: number;
}

/** Counts what clusters report. */
export class ReportCounter implements Observer {
  readonly #ejected = {
    consecutive_failures: 0,
    consecutive_timeouts: 0,
    success_rate: 0,
    failure_percentage: 0,
  };
  readonly #notEjected = { max_ejection_overflow: 0, no_witness: 0 };
  #returned = 0;
  #suspected = 0;
  #panics = 0;

  get now(): Counters {
    return {
      ejected: { ...this.#ejected },
      notEjected: { ...this.#notEjected },
      returned: this.#returned,
      suspected: this.#suspected,
      panics: this.#panics,
    };
  }

  onReport(report: Parameters<NonNullable<Observer['onReport']>>[0]): void {
    switch (report.type) {
      case 'ejected':
        this.#ejected[report.reason] += 1;
        break;
      case 'notEjected':
        this.#notEjected[report.why] += 1;
        break;
      case 'returned':
        this.#returned += 1;
        break;
      case 'suspect':
        if (report.isSuspect) this.#suspected += 1;
        break;
      case 'panic':
        if (report.level !== 'none') this.#panics += 1;
    }
  }
}
