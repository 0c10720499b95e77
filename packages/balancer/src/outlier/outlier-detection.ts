import type { AttemptFacts } from '../attempt-facts.ts';
import { Evidence } from '../evidence.ts';
import type { Monitor, PodControl } from '../monitor.ts';
import { Block, type Pod } from '../pod.ts';
import { canServe } from '../policies/scan.ts';
import { type Comparison, compare, type SuccessRateOptions, shareOfFailures } from './compare.ts';
import { neededRun } from './needed-run.ts';
import type { OutlierOptions } from './outlier-options.ts';
import {
  type Ejection,
  type EjectionReason,
  NEEDED,
  PodRecord,
  since,
  type Tally,
  type Unenforced,
} from './pod-record.ts';
import { SLOTS } from './rate-window.ts';

/** Successes of other Pods without which no Pod is ejected. */
const WITNESSES = 3;
/** The code of an attempt that lost to a later one. A slower Pod loses more often: losses count in a row, and not in the success rate. */
const CANCELLED = 1;
/** How the time of an ejection varies, so that clients do not come back together (Envoy's jitter is 0 by default). */
const JITTER = 0.2;
/** Without an ejection for so long, the next one is one step shorter. */
const STEP_BACK_MS = 60_000;
/** A Pod that was gone for so long is another one. */
const FORGET_MS = 10_000;

/**
 * Takes Pods out that fail calls although their connection works, and lets them back in one call at a time. It is made for small fleets: it
 * compares a Pod with all others together, and ejects none unless another Pod did better meanwhile (docs/reliability.md).
 */
export class OutlierDetection<P extends Pod> implements Monitor<P> {
  readonly name = 'outlier_detection';
  readonly #control: PodControl<P>;
  readonly #options: OutlierOptions;
  readonly #slotMs: number;
  #pods: readonly P[] = [];
  /** Successes and others over all Pods. */
  #successes = 0;
  #losses = 0;
  /** Attempts that are open. */
  #open = 0;
  /** Whether a tick is planned. */
  #ticking = false;
  /** Whether there was an attempt since the last tick. */
  #busy = false;

  constructor(control: PodControl<P>, options: OutlierOptions) {
    this.#control = control;
    this.#options = options;
    this.#slotMs = (options.successRate?.windowMs ?? 60_000) / SLOTS;
  }

  onPods(pods: readonly P[], nowMs: number): void {
    const before = this.#pods;
    this.#pods = pods;
    for (const { record } of before) if (record !== undefined) record.leftMs ??= nowMs;
    for (const pod of pods) {
      const { record } = pod;
      if (record?.leftMs === undefined) continue;
      if (nowMs - record.leftMs >= FORGET_MS) this.#forget(pod, record, nowMs);
      record.leftMs = undefined;
    }
  }

  /** A new connection: the process may have been replaced. */
  onReady(pod: P, nowMs: number): void {
    const { record } = pod;
    if (record === undefined) return;
    record.clear();
    const { ejection } = record;
    if (ejection !== undefined && ejection.phase !== 'probation') this.#try(pod, ejection);
    this.#plan(nowMs);
  }

  onAttemptStart(attempt: AttemptFacts<P>): void {
    this.#open += 1;
    this.#busy = true;
    if (!this.#ticking) this.#plan(attempt.startedMs);
    const ejection = attempt.pod.record?.ejection;
    if (ejection?.phase !== 'probation' || ejection.probe !== undefined) return;
    ejection.probe = attempt;
    this.#control.probe(attempt.pod, false);
  }

  onAttemptEnd(attempt: AttemptFacts<P>): void {
    this.#open -= 1;
    this.#busy = true;
    this.#take(attempt, attempt.endedMs);
  }

  onOverdue(attempt: AttemptFacts<P>, nowMs: number): void {
    this.#take(attempt, nowMs);
  }

  tick(nowMs: number): number | undefined {
    this.#ticking = false;
    for (const pod of this.#pods) {
      const ejection = pod.record?.ejection;
      if (ejection?.phase === 'out' && nowMs >= ejection.untilMs) this.#beginProbation(pod, ejection);
      else if (ejection?.probe !== undefined) this.#lookAtProbe(pod, pod.record!, ejection, nowMs);
    }
    if (this.#options.successRate !== undefined && this.#busy) this.#sweep(this.#options.successRate, nowMs);
    const goesOn = this.#busy || this.#open > 0;
    this.#busy = false;
    if (!goesOn) return undefined;
    this.#ticking = true;
    return this.#nextMs(nowMs);
  }

  #plan(nowMs: number): void {
    this.#ticking = true;
    this.#control.tickAt(this.#nextMs(nowMs));
  }

  /** The next sweep, or the end of an ejection if that is earlier. */
  #nextMs(nowMs: number): number {
    let nextMs = nowMs + this.#options.intervalMs;
    for (const { record } of this.#pods) {
      if (record?.ejection?.phase === 'out')
        nextMs = Math.min(nextMs, Math.max(record.ejection.untilMs, nowMs));
    }
    return nextMs;
  }

  #take(attempt: AttemptFacts<P>, nowMs: number): void {
    const { pod, evidence } = attempt;
    pod.record ??= new PodRecord();
    const { record } = pod;
    if (evidence === Evidence.SUCCESS) {
      record.successes += 1;
      this.#successes += 1;
      if (record.failures > 0 || record.timeouts > 0) record.endRuns();
      record.window.add(this.#slotOf(nowMs), true);
    } else if (evidence === Evidence.FAILURE || evidence === Evidence.TIMEOUT) {
      record.losses += 1;
      this.#losses += 1;
      if (attempt.code !== CANCELLED) record.window.add(this.#slotOf(nowMs), false);
      this.#takeFailure(pod, record, attempt, nowMs);
    }
    if (record.ejection?.probe === attempt) this.#endProbe(pod, record, record.ejection, evidence, nowMs);
  }

  #takeFailure(pod: P, record: PodRecord, attempt: AttemptFacts<P>, nowMs: number): void {
    const { consecutiveFailures, consecutiveTimeouts } = this.#options;
    record.addKey(attempt.hash);
    if (attempt.evidence === Evidence.TIMEOUT) {
      if (record.timeouts === 0) record.othersAtTimeout = this.#others(record);
      record.timeouts += 1;
      const before = record.othersAtTimeout;
      this.#look(pod, record, 'consecutive_timeouts', record.timeouts, consecutiveTimeouts, before, nowMs);
    } else {
      // It answered, if not well.
      record.timeouts = 0;
      if (record.failures === 0) record.othersAtFailure = this.#others(record);
      record.failures += 1;
      const before = record.othersAtFailure;
      this.#look(pod, record, 'consecutive_failures', record.failures, consecutiveFailures, before, nowMs);
    }
  }

  /** What all Pods but this one have had. */
  #others({ successes, losses }: PodRecord): Tally {
    return { successes: this.#successes - successes, losses: this.#losses - losses };
  }

  /** Ejects the Pod if its run is long enough, and another Pod had successes meanwhile. */
  #look(
    pod: P,
    record: PodRecord,
    reason: EjectionReason,
    run: number,
    least: number,
    before: Tally,
    nowMs: number,
  ): void {
    if (least === 0 || run < least || record.ejection !== undefined || record.leftMs !== undefined) return;
    if (this.#control.ejectsNone || (this.#control.usesKeys && !record.hasKeys)) return;
    const others = since(before, this.#others(record));
    if (others.successes < WITNESSES) return this.#holdBack(pod, record, reason, 'no_witness');
    // Where something begins to fail on all Pods, the windows still tell of how it was.
    const now = others.losses / (others.losses + others.successes);
    const share = Math.max(now, shareOfFailures(this.#pods, pod, this.#slotOf(nowMs)));
    if (run < neededRun(least, share)) return;
    this.#eject(pod, record, reason, nowMs);
  }

  #sweep(options: SuccessRateOptions, nowMs: number): void {
    if (this.#control.ejectsNone) return;
    const comparisons: Comparison<P>[] = compare(this.#pods, options, this.#slotOf(nowMs));
    for (const { pod, record } of comparisons) {
      if (!this.#control.usesKeys || record.hasKeys) this.#eject(pod, record, 'success_rate', nowMs);
    }
  }

  #eject(pod: P, record: PodRecord, reason: EjectionReason, nowMs: number): void {
    if (!this.#mayEject(pod)) return this.#holdBack(pod, record, reason, 'max_ejection_overflow');
    const steps = Math.floor((nowMs - record.returnedMs) / STEP_BACK_MS);
    record.times = Math.max(record.times - Math.max(steps, 0), 0);
    this.#putOut(pod, record, reason, nowMs);
    this.#control.block(pod, Block.EJECTED);
  }

  /** Begins an ejection, or the next one after a probation that failed. */
  #putOut(pod: P, record: PodRecord, reason: EjectionReason, nowMs: number): void {
    const { baseEjectionTimeMs: baseMs, maxEjectionTimeMs: maxMs } = this.#options;
    record.times += 1;
    const lengthMs = Math.min(baseMs * 2 ** (record.times - 1), maxMs);
    const untilMs = nowMs + lengthMs * (1 - JITTER + 2 * JITTER * this.#control.random());
    record.endRuns();
    const missing = NEEDED[reason];
    record.ejection = { reason, sinceMs: nowMs, untilMs, phase: 'out', missing, probe: undefined };
    this.#control.report({
      type: 'ejected',
      id: pod.id,
      reason,
      forMs: untilMs - nowMs,
      times: record.times,
    });
    this.#control.tickAt(this.#nextMs(nowMs));
    this.#ticking = true;
  }

  /** Whether one more Pod may be out. */
  #mayEject(pod: P): boolean {
    let able = 0;
    let out = 0;
    for (const other of this.#pods) {
      if (!canServe(other.endpoint)) continue;
      able += 1;
      if (other !== pod && (!other.isConnected || other.record?.ejection !== undefined)) out += 1;
    }
    return out + 1 <= Math.floor((able * this.#options.maxEjectionPercent) / 100);
  }

  #holdBack(pod: P, record: PodRecord, reason: EjectionReason, why: Unenforced): void {
    if (record.unenforced === why) return;
    record.unenforced = why;
    this.#control.report({ type: 'notEjected', id: pod.id, reason, why });
  }

  #beginProbation(pod: P, ejection: Ejection): void {
    ejection.phase = 'pinged';
    this.#control.ping(pod, () => {
      if (pod.record?.ejection === ejection && ejection.phase === 'pinged') this.#try(pod, ejection);
    });
  }

  #try(pod: P, ejection: Ejection): void {
    ejection.phase = 'probation';
    this.#control.probe(pod, true);
  }

  /** A stream on probation need not end: with its first message it has been answered. One that is silent does not keep others away for ever. */
  #lookAtProbe(pod: P, record: PodRecord, ejection: Ejection, nowMs: number): void {
    const { receivedBytes, startedMs } = ejection.probe!;
    const isOld = nowMs - startedMs >= this.#options.baseEjectionTimeMs;
    if (receivedBytes > 0) this.#endProbe(pod, record, ejection, Evidence.SUCCESS, nowMs);
    else if (isOld) this.#endProbe(pod, record, ejection, Evidence.NONE, nowMs);
  }

  #endProbe(pod: P, record: PodRecord, ejection: Ejection, evidence: Evidence, nowMs: number): void {
    ejection.probe = undefined;
    if (evidence === Evidence.NONE) return this.#control.probe(pod, true);
    if (evidence !== Evidence.SUCCESS) return this.#putOut(pod, record, ejection.reason, nowMs);
    ejection.missing -= 1;
    if (ejection.missing > 0) this.#control.probe(pod, true);
    else this.#return(pod, record, nowMs);
  }

  #return(pod: P, record: PodRecord, nowMs: number): void {
    const { ejection } = record;
    record.ejection = undefined;
    record.returnedMs = nowMs;
    record.clear();
    this.#control.probe(pod, false);
    this.#control.unblock(pod, Block.EJECTED);
    if (ejection !== undefined)
      this.#control.report({ type: 'returned', id: pod.id, afterMs: nowMs - ejection.sinceMs });
  }

  /** The Pod was away from the set for so long that its history means nothing. */
  #forget(pod: P, record: PodRecord, nowMs: number): void {
    record.clear();
    record.times = 0;
    if (record.ejection !== undefined) this.#return(pod, record, nowMs);
  }

  #slotOf(nowMs: number): number {
    return Math.floor(nowMs / this.#slotMs);
  }
}
