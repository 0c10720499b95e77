import type { Incremental, Random } from '@podwire/core';
import type { Pod } from './pod.ts';

/** What a pick may depend on. One object per call, reused over attempts; the picker keeps no reference. */
export interface PickInfo<P extends Pod = Pod> {
  /** An unsigned 32-bit hash of the call's key; read by the hash policies only. */
  readonly hash: number;
  /** Pods already tried; picked again only when no other Pod is available. */
  readonly excluded: ReadonlySet<P> | undefined;
}

/** Immutable choice over a fixed list of Pods. `pick` is synchronous, never blocks and allocates nothing. */
export interface Picker<P extends Pod = Pod> {
  /** A Pod whose `available` is true, or undefined when there is none: the call waits. */
  pick(info: PickInfo<P>): P | undefined;
}

/** What a policy builds a picker from. */
export interface PolicyInput<P extends Pod = Pod> {
  /** All Pods of the set, in a stable order: what hash tables are built from, so that a Pod that reconnects moves no keys. */
  readonly pods: readonly P[];
  /** Those of them that are connected and serving now. A blocked one is among them: it may be let in at any time. */
  readonly ready: readonly P[];
  /** The bits of `Block` that keep calls away: all, unless too few Pods are left. */
  readonly heeded: number;
  /** Numbers in [0, 1). */
  readonly random: Random;
  /** A clock that never runs backwards. */
  readonly nowMs: () => number;
  /** The zone that calls are to prefer; undefined while it is not known, or where none is preferred. */
  readonly zone: string | undefined;
  /** The picker that this one replaces, of any policy; it serves until the new one is done. */
  readonly previous: Picker<P> | undefined;
}

/** How a policy takes weights from the load that servers report (gRFC A58, A114). Times in milliseconds. */
export interface LoadReports {
  /** How often Pods are asked to report, apart from calls; undefined: reports come with the trailers of calls. */
  readonly oobPeriodMs: number | undefined;
  /** How long a Pod has to report before its reports count. */
  readonly blackoutMs: number;
  /** How long a report counts. */
  readonly expirationMs: number;
  /** How often weights are computed anew. */
  readonly updateMs: number;
  /** What an error rate of 1 adds to the utilization. */
  readonly errorPenalty: number;
  /** Metrics whose largest value is the utilization, for a Pod that reports no `application_utilization`. */
  readonly metricNames: readonly string[];
}

/**
 * A balancing policy with its options: a node of a tree, whose children are policies. It is stateless. What it learns lives in the
 * Pods, and what it must keep it takes from {@link PolicyInput.previous}.
 */
export interface Policy {
  /** As it is written in a config. */
  readonly name: string;
  /** The policies that it chooses between, or that it gives Pods to. */
  readonly children: readonly Policy[];
  /** True when it, or a child, reads {@link PickInfo.hash}; the client then computes the key's hash for every call. */
  readonly needsHash: boolean;
  /**
   * How often the client builds a new picker although no Pod changed, in milliseconds: for weights that change by themselves.
   * 0 is never.
   */
  readonly refreshMs: number;
  /** Whether its shares depend on which Pods are blocked: the client then builds a new picker when that changes. Absent: they do not. */
  readonly countsBlocked?: boolean;
  /** Whether weights come from what servers report of their load, and how. */
  readonly loadReports?: LoadReports | undefined;
  /**
   * For a policy that uses one Pod at a time: the Pods that can serve, in the order in which they are to be tried until one
   * is connected. A policy without it wants a connection to every Pod.
   */
  readonly order:
    | (<P extends Pod>(pods: readonly P[], random: Random, zone: string | undefined) => P[])
    | undefined;
  /**
   * Builds a picker. The client calls it whenever Pods or their weights change, and never before the last build is done. A policy must not
   * throw: an error would end the process as an uncaught exception.
   */
  build<P extends Pod>(input: PolicyInput<P>): Incremental<Picker<P>>;
}
