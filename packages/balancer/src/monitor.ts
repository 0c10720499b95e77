import type { AttemptFacts } from './attempt-facts.ts';
import type { Pod } from './pod.ts';

/** What one monitor may do to the Pods of its cluster. */
export interface PodControl<P extends Pod = Pod> {
  /** Takes a Pod out of the policy's choice, for a reason of `Block`. Calls that it has go on. */
  block(pod: P, why: number): void;
  /** Takes the reason back; the Pod is let in when there is no other. */
  unblock(pod: P, why: number): void;
  /** Multiplies a Pod's weight by a factor of 0 or more. Each monitor has one of its own; 1 takes it back. */
  weigh(pod: P, factor: number): void;
  /** Asks for a tick at a time on the monotonic clock, in milliseconds. Of several, the earliest holds. */
  tickAt(atMs: number): void;
}

/**
 * A memory beside the calls: outlier detection, slow start, load reports, health. It watches the attempts and Pods of one cluster,
 * and blocks or weighs Pods by its {@link PodControl}. It sets no timer: time comes in, and it names the next tick. None of its
 * methods may throw.
 */
export interface Monitor<P extends Pod = Pod> {
  /** In snapshots and events. */
  readonly name: string;
  /** The cluster has these Pods now. One that comes back within its drain time is the same Pod. */
  onPods?(pods: readonly P[], nowMs: number): void;
  /** A Pod was connected. */
  onReady?(pod: P, nowMs: number): void;
  /** An attempt was sent to its Pod. */
  onAttemptStart?(attempt: AttemptFacts<P>): void;
  /** An attempt ended. Called for every attempt that `onAttemptStart` was called for, once. */
  onAttemptEnd?(attempt: AttemptFacts<P>): void;
  /** The time that was asked for has come. Returns when it is to be called again; undefined is never, unless `tickAt` asks for it. */
  tick?(nowMs: number): number | undefined;
  /** The cluster is closed: nothing is called after it. */
  close?(): void;
}

/** Makes a monitor for one cluster. */
export type MonitorFactory = <P extends Pod>(control: PodControl<P>) => Monitor<P>;
