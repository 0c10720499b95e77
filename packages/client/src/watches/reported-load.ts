import type { LoadReports } from '@podwire/balancer';
import { reportedWeight } from './load-report.ts';

/** Reports of one Pod are read no more often than this. */
const LEAST_GAP_MS = 100;

/** What one Pod reported of its load. */
export class ReportedLoad {
  /** The factor of the Pod's weight that follows from the reports of all. */
  factor = 1;
  #weight = 0;
  #updatedMs = Number.NEGATIVE_INFINITY;
  /** Since when it has reported without a gap; undefined while it does not. */
  #sinceMs: number | undefined;
  #readMs = Number.NEGATIVE_INFINITY;

  /** The Pod is ready on a new connection: its process may be another. */
  reset(): void {
    this.#sinceMs = undefined;
    this.#updatedMs = Number.NEGATIVE_INFINITY;
  }

  /** Whether a report that comes now is to be read. */
  isDue(nowMs: number): boolean {
    return nowMs - this.#readMs >= LEAST_GAP_MS;
  }

  /** Takes a report; false for one without a weight. Throws for bytes that are no message. */
  read(report: Buffer, options: LoadReports, nowMs: number): boolean {
    this.#readMs = nowMs;
    const weight = reportedWeight(report, options);
    if (weight === undefined) return false;
    this.#expire(options, nowMs);
    this.#weight = weight;
    this.#updatedMs = nowMs;
    this.#sinceMs ??= nowMs;
    return true;
  }

  /** The weight that counts now; 0 for none. */
  weight(options: LoadReports, nowMs: number): number {
    this.#expire(options, nowMs);
    return this.#sinceMs === undefined || nowMs - this.#sinceMs < options.blackoutMs ? 0 : this.#weight;
  }

  /** When its weight begins or ceases to count, unless another report comes before. */
  changesMs({ blackoutMs, expirationMs }: LoadReports, nowMs: number): number {
    if (this.#sinceMs === undefined) return Number.POSITIVE_INFINITY;
    const countsMs = this.#sinceMs + blackoutMs;
    return countsMs > nowMs ? countsMs : this.#updatedMs + expirationMs;
  }

  #expire({ expirationMs }: LoadReports, nowMs: number): void {
    if (nowMs - this.#updatedMs >= expirationMs) this.#sinceMs = undefined;
  }
}
