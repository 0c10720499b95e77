import type { Pod } from '../pod.ts';
import type { PodRecord } from './pod-record.ts';
import { SLOTS } from './rate-window.ts';
import { wilson } from './wilson.ts';

/** The options of the comparison of success rates. */
export interface SuccessRateOptions {
  /** How far back attempts count. */
  readonly windowMs: number;
  /** How many of the newest attempts at a Pod count at most. */
  readonly maxRequests: number;
  /** How many attempts at a Pod are needed. */
  readonly minRequests: number;
  /** By how much a Pod must be worse than the others together; 0.1 is ten points. */
  readonly minDifference: number;
}

/** A Pod that does worse than the others. */
export interface Comparison<P extends Pod> {
  readonly pod: P;
  readonly record: PodRecord;
}

/** Slots that count as now. */
const RECENT_SLOTS = 2;

/** Pods whose success rate is, with great confidence, below that of all others together. */
export function compare<P extends Pod>(
  pods: readonly P[],
  options: SuccessRateOptions,
  slot: number,
): Comparison<P>[] {
  const compared = pods.filter(({ record }) => record !== undefined && record.ejection === undefined);
  // Sums over the newest slots, of all Pods: [1 slot, 2 slots, …].
  const successes: number[] = new Array(SLOTS).fill(0);
  const failures: number[] = new Array(SLOTS).fill(0);
  for (const { record } of compared) {
    const { window } = record!;
    window.advance(slot);
    for (let age = 0, good = 0, bad = 0; age < SLOTS; age++) {
      good += window.successes(age);
      bad += window.failures(age);
      successes[age]! += good;
      failures[age]! += bad;
    }
  }
  const worse: Comparison<P>[] = [];
  for (const pod of compared) {
    const record = pod.record!;
    if (isWorse(record, successes, failures, options)) worse.push({ pod, record });
  }
  return worse;
}

function isWorse(
  { window }: PodRecord,
  allSuccesses: readonly number[],
  allFailures: readonly number[],
  { maxRequests, minRequests, minDifference }: SuccessRateOptions,
): boolean {
  let good = 0;
  let bad = 0;
  let age = 0;
  for (; age < SLOTS; age++) {
    good += window.successes(age);
    bad += window.failures(age);
    if (good + bad >= maxRequests) break;
  }
  const last = Math.min(age, SLOTS - 1);
  const own = good + bad;
  const othersGood = allSuccesses[last]! - good;
  const others = othersGood + allFailures[last]! - bad;
  if (bad === 0 || own < minRequests || others < minRequests) return false;
  if (othersGood / others - good / own < minDifference) return false;
  return wilson(good, own).upper < wilson(othersGood, others).lower;
}

/** The share of failures among the attempts at the other Pods that are in use: now or over the whole window, whichever is larger. */
export function shareOfFailures<P extends Pod>(pods: readonly P[], not: P, slot: number): number {
  let good = 0;
  let bad = 0;
  let recentGood = 0;
  let recentBad = 0;
  for (const pod of pods) {
    const { record } = pod;
    if (pod === not || record === undefined || record.ejection !== undefined) continue;
    const { window } = record;
    window.advance(slot);
    for (let age = 0; age < SLOTS; age++) {
      good += window.successes(age);
      bad += window.failures(age);
      if (age < RECENT_SLOTS) {
        recentGood += window.successes(age);
        recentBad += window.failures(age);
      }
    }
  }
  return Math.max(share(bad, good), share(recentBad, recentGood));
}

function share(bad: number, good: number): number {
  return bad + good === 0 ? 0 : bad / (bad + good);
}
