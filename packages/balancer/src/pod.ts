import type { Endpoint } from '@podwire/registry';
import type { LoadMeter } from './load-meter.ts';
import type { PodRecord } from './outlier/pod-record.ts';

/** Why a connected Pod is not used, although the registry and its connection would allow it; bits of {@link Pod.blocked}. */
export const Block = {
  /** Its calls failed more often than those of the others (outlier detection). */
  EJECTED: 1,
  /** It says of itself that it does not serve (gRPC's health service). */
  UNHEALTHY: 2,
  /** It has as many calls as a limit allows. */
  LIMITED: 4,
  /** It owes replies, and nothing at all came from it for longer than is usual. */
  SUSPECT: 8,
  /** It asked for a pause (`grpc-retry-pushback-ms`). */
  PUSHBACK: 16,
  /** It is connected, and owes its first word on whether it serves (gRFC A17). This is a fact: it has said nothing that could be wrong. */
  UNANSWERED: 32,
} as const;

/** Our own opinions of a Pod. They count for nothing while too few Pods are left (panic). */
export const OPINIONS: number = Block.EJECTED | Block.SUSPECT;

/** What a Pod says of itself. It counts for nothing when no Pod is left. */
export const OWN_WORD: number = Block.UNHEALTHY | Block.PUSHBACK;

/** What takes a Pod's share of calls away from it, and from its zone. A Pod at a limit has its share. */
export const SHARELESS: number = OPINIONS | OWN_WORD | Block.UNANSWERED;

/**
 * A Pod as the balancer sees it. The client makes one per endpoint id and keeps it over registry updates,
 * reconnects and changes of policy, so the load it has learnt is never thrown away.
 */
export interface Pod {
  /** The endpoint's id. */
  readonly id: string;
  /** The newest description; replaced, never mutated, when the registry says something new. */
  endpoint: Endpoint;
  /** Connected, serving, not blocked and with room for one more stream: it can take a call now. No policy sets it. */
  readonly available: boolean;
  /** Connected, and serving by the registry's word; perhaps blocked, or without room. */
  readonly isConnected: boolean;
  /** Relative share of calls: the endpoint's weight, times what monitors make of it. The only weight that a policy reads. */
  readonly weight: number;
  /** The part of its weight that it has while it is new (slow start); 1 otherwise. `weight` is multiplied by it already. */
  readonly ramp: number;
  /** Bits of {@link Block}; 0 is not blocked. */
  readonly blocked: number;
  /** Its calls in flight and their latency. */
  readonly load: LoadMeter;
  /** What outlier detection knows of it; undefined before its first call. */
  record: PodRecord | undefined;
}
