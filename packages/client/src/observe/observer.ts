import type { AttemptFacts, Pod, Report } from '@podwire/balancer';
import type { EndpointSet, WatchStatus } from '@podwire/registry';

/**
 * Watches a channel and changes nothing, for telemetry, logs and the channel's own events. Every method is optional, and none may
 * throw. Without observers a call costs one comparison. Calls and attempts are those of gRFC A66.
 */
export interface Observer {
  /** A call was started; called in the caller's async context. The returned trace follows that call alone. */
  onCall?(call: CallInfo): CallTrace | undefined;
  /** A Pod's state changed. */
  onPod?(pod: PodInfo): void;
  /** A Pod says something else of its health than before. */
  onHealth?(pod: PodInfo): void;
  /** The registry named another set of Pods. */
  onSet?(set: EndpointSet): void;
  /** A cluster found something out about a Pod, or changed what it makes of that. */
  onReport?(report: ClusterReport): void;
  /** The state of the registry's watch changed. */
  onRegistry?(status: WatchStatus): void;
}

/** What a cluster reports besides its Pods' states. */
export type ClusterReport =
  | Report
  /** A Pod owes replies and is silent, or was heard again. */
  | { readonly type: 'suspect'; readonly id: string; readonly isSuspect: boolean }
  /** Too few Pods are left, so the reasons for which Pods are blocked count for less; or for all again (`none`). */
  | { readonly type: 'panic'; readonly level: PanicLevel; readonly cluster: string };

/**
 * `none`: blocked Pods get no calls. `opinions`: too few Pods are left, so calls also go to Pods that podwire took out itself. `all`: none is left,
 * so calls also go to those that say that they do not serve: all at once means that they share what is broken.
 */
export type PanicLevel = 'none' | 'opinions' | 'all';

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
   * An attempt begins. This is before its Pod is picked, so that its time includes the wait for a Pod. While the registry has not
   * answered yet, a call that waits has no attempt.
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
  /** The state of its connections, or of the Pod in its set. */
  readonly state: string;
  /** What it says of its health, as in gRPC's health service; undefined while that is not watched. */
  readonly health: string | undefined;
  /** Why its last connection ended, or could not be made. */
  readonly lastError: string | undefined;
}
