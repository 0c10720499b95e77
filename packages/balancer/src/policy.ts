import type { Incremental, Random } from '@podwire/core';
import type { Endpoint } from '@podwire/registry';
import type { LoadMeter } from './load-meter.ts';

/**
 * A Pod as the balancer sees it. The client makes one per endpoint id and keeps it over registry updates,
 * reconnects and changes of policy, so the load it has learnt is never thrown away.
 */
export interface Pod {
  readonly id: string;
  /** The newest description; replaced, never mutated, when the registry says something new. */
  endpoint: Endpoint;
  /** Connected, serving and with room for one more stream: it can take a call now. */
  available: boolean;
  readonly load: LoadMeter;
}

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

/** What a policy may use beside the Pods. */
export interface PolicyEnv {
  readonly random: Random;
  nowMs(): number;
}

/** A balancing policy with its options; builds a picker whenever the Pods or their weights change. */
export interface Policy {
  readonly name: string;
  /** True when it reads {@link PickInfo.hash}; the client then computes the key's hash for every call. */
  readonly needsHash: boolean;
  /**
   * For a policy that uses one Pod at a time: the Pods that can serve, in the order in which they are to be tried until one
   * is connected. A policy without it wants a connection to every Pod.
   */
  readonly order: (<P extends Pod>(pods: readonly P[], random: Random) => P[]) | undefined;
  /**
   * `ready` are the Pods connected and serving now, `pods` all Pods of the set in a stable order (what hash tables
   * are built from, so that a Pod that reconnects moves no keys). `previous` is the picker it replaces, of any policy;
   * it may serve until the new one is done.
   */
  build<P extends Pod>(
    pods: readonly P[],
    ready: readonly P[],
    env: PolicyEnv,
    previous?: Picker<P>,
  ): Incremental<Picker<P>>;
}
