import type { Random } from '@podwire/core';
import type { AttemptFacts } from './attempt-facts.ts';
import type { EjectionReason, Unenforced } from './outlier/pod-record.ts';
import type { Pod } from './pod.ts';

/** What a monitor reports, for events and counters. `id` is the Pod's. */
export type Report =
  /** A Pod was taken out for about this time. `times`: how often in a row. */
  | {
      readonly type: 'ejected';
      readonly id: string;
      readonly reason: EjectionReason;
      readonly forMs: number;
      readonly times: number;
    }
  /** A Pod deserved it, and was not taken out. */
  | {
      readonly type: 'notEjected';
      readonly id: string;
      readonly reason: EjectionReason;
      readonly why: Unenforced;
    }
  /** A Pod is back after this time. */
  | { readonly type: 'returned'; readonly id: string; readonly afterMs: number };

/** What one monitor may do to the Pods of its cluster. */
export interface PodControl<P extends Pod = Pod> {
  /** Numbers in [0, 1). */
  readonly random: Random;
  /** Whether the policy sends calls of equal keys to the same Pod. It may change. */
  readonly usesKeys: boolean;
  /** Whether the policy uses one Pod at a time, so that no other Pod would take the calls of one that is out. It may change. */
  readonly ejectsNone: boolean;
  /** Takes a Pod out of the policy's choice, for a reason of `Block`. Calls that it has go on. */
  block(pod: P, why: number): void;
  /** Takes the reason back. The policy may choose the Pod again once no monitor has a reason left. */
  unblock(pod: P, why: number): void;
  /** Lets the policy choose an ejected Pod, until it is taken back: for its calls on probation. */
  probe(pod: P, isOpen: boolean): void;
  /** Sends a PING. `answered` is called later: without an answer never, and without a PING where the Pod's server may punish one. */
  ping(pod: P, answered: () => void): void;
  /** Multiplies a Pod's weight by a factor of 0 or more. Each monitor has one of its own; 1 takes it back. */
  weigh(pod: P, factor: number): void;
  /** Sets the part of its weight that a Pod has while it is new; 1 takes it back. One monitor at most does that. */
  ramp(pod: P, part: number): void;
  /** Asks for a tick at a time on the monotonic clock, in milliseconds. Of several requests, the earliest holds. */
  tickAt(atMs: number): void;
  /** Tells the channel's events and counters. */
  report(report: Report): void;
}

/**
 * Judges Pods by what happens to calls, for outlier detection, slow start, load reports or health. It watches the attempts and Pods of
 * one cluster, and blocks or weighs Pods by its {@link PodControl}. It sets no timer: each method gets the time, and `tick` says
 * when it is to be called next. None of its methods may throw.
 */
export interface Monitor<P extends Pod = Pod> {
  /** How snapshots and events name it. */
  readonly name: string;
  /** The cluster has these Pods now. A Pod that comes back within its drain time is the same object. */
  onPods?(pods: readonly P[], nowMs: number): void;
  /** A Pod was connected. */
  onReady?(pod: P, nowMs: number): void;
  /** A Pod that was ejected takes calls again. */
  onReturn?(pod: P, nowMs: number): void;
  /** An attempt was sent to its Pod. */
  onAttemptStart?(attempt: AttemptFacts<P>): void;
  /** A unary attempt is open for much longer than is usual. Its evidence is TIMEOUT from now on. Called once for it at most. */
  onOverdue?(attempt: AttemptFacts<P>, nowMs: number): void;
  /** An attempt ended. Called for every attempt that `onAttemptStart` was called for, once. A monitor may set it in `onPods`. */
  onAttemptEnd?: ((attempt: AttemptFacts<P>) => void) | undefined;
  /** The time that the monitor asked for has come. Returns the time of the next tick; undefined for none, until `tickAt` asks for one. */
  tick?(nowMs: number): number | undefined;
  /** The cluster is closed. This is the last call. */
  close?(): void;
}

/** Makes a monitor for one cluster. */
export type MonitorFactory = <P extends Pod>(control: PodControl<P>) => Monitor<P>;
