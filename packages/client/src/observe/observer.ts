import type { AttemptFacts, Pod } from '@podwire/balancer';
import type { EndpointSet, WatchStatus } from '@podwire/registry';

/**
 * Sees what a channel does, and changes nothing: telemetry, logs, the channel's own events. Every method is optional, and none may
 * throw. A channel without one pays one comparison a call. Calls and attempts are those of gRFC A66.
 */
export interface Observer {
  /** A call was started; called in the caller's async context. What it returns follows that call alone. */
  onCall?(call: CallInfo): CallTrace | undefined;
  /** A Pod's state changed. */
  onPod?(pod: PodInfo): void;
  /** The registry named another set of Pods. */
  onSet?(set: EndpointSet): void;
  /** What the registry says, and whether it is heard. */
  onRegistry?(status: WatchStatus): void;
}

/** A call as it begins. */
export interface CallInfo {
  /** `/package.Service/Method` */
  readonly method: string;
  /** The service's name, as in errors. */
  readonly service: string;
  /** The channel's target, as it was given. */
  readonly target: string;
  /** When the call was started, on the channel's monotonic clock, in milliseconds. */
  readonly startedMs: number;
}

/** Follows one call. */
export interface CallTrace {
  /**
   * An attempt begins: before its Pod is picked, so that its time includes the wait for one. A call that waits while the registry
   * has said nothing yet has none.
   */
  onAttempt?(attempt: AttemptInfo): AttemptTrace | undefined;
  /** The call ended with this code of gRPC. */
  onEnd?(code: number, endedMs: number): void;
}

/** An attempt as it begins. */
export interface AttemptInfo {
  /** Attempts at this call before it; transparent retries are not counted. */
  readonly ordinal: number;
  /** Whether another attempt at the call is open. */
  readonly isHedge: boolean;
  /** When it began, in milliseconds. */
  readonly beganMs: number;
}

/** Follows one attempt. */
export interface AttemptTrace {
  /** A Pod was picked, and the attempt was sent to it. */
  onStart?(attempt: AttemptFacts): void;
  /** The attempt ended. `sent` is undefined for one that ended before a Pod was picked. */
  onEnd?(code: number, endedMs: number, sent: AttemptFacts | undefined): void;
}

/** A Pod of a cluster, and its state. */
export interface PodInfo extends Pick<Pod, 'id'> {
  /** Of its connections, or of the Pod in its set. */
  readonly state: string;
  /** Why its last connection ended, or did not come to be. */
  readonly lastError: string | undefined;
}
