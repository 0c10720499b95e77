import type { Metadata, status as Status } from '@grpc/grpc-js';
import type { Clock, Random } from '@podwire/core';
import type { StreamHead } from '@podwire/http2';
import type { ClientPod } from '../pod/pod.ts';
import type { Reason } from '../reasons.ts';
import type { RetryThrottle } from '../retry/throttle.ts';
import type { Call } from './call.ts';
import type { Method } from './method.ts';
import type { TimerWheel } from './timer-wheel.ts';

/** Why a call cannot even wait for a Pod. */
export interface Refusal {
  readonly code: Status;
  readonly reason: Reason;
  readonly details: string;
}

/** What a call needs of its channel. */
export interface CallHost {
  /** For errors. */
  readonly service: string;
  /** The channel takes no new calls, and cuts those that its grace leaves. */
  readonly closed: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly throttle: RetryThrottle | undefined;
  /** How long a call waits for a Pod, unless it waits for ready. */
  readonly waitTimeoutMs: number;
  /** How many calls may wait for a Pod. */
  readonly maxWaitingCalls: number;
  /** Bytes that one call, and all calls together, may keep for another attempt. */
  readonly retryBytesPerCall: number;
  readonly retryBytesPerChannel: number;
  /** Bytes kept now, over all calls. */
  retryBytes: number;
  readonly compression: 'identity' | 'gzip' | 'deflate';
  /** Whether connections are encrypted, so that call credentials may travel. */
  readonly secure: boolean;
  readonly authority: string;
  /** Begins the call at the end of this turn of the event loop, together with all others started in it. */
  schedule(call: Call): void;
  /** A Pod that takes the call now, or undefined. Sets nothing on the call. */
  pick(call: Call): ClientPod | undefined;
  podsById(ids: readonly string[]): Set<ClientPod>;
  /** Whether the policy reads the hash of a call's key. */
  readonly needsHash: boolean;
  /** Throws an Error that says why when the caller's `hashKey` fails. */
  hash(method: string, metadata: Metadata): number;
  /** Why a call without a Pod is not worth waiting for, or undefined. */
  refuse(call: Call): Refusal | undefined;
  /** Calls that have neither an attempt nor a place in the queue: they wait for credentials, or for their next attempt. */
  readonly suspended: Set<Call>;
  /** Queues the call; `begin` is called when a Pod may take it. False when the queue is full. */
  wait(call: Call): boolean;
  stopWaiting(call: Call): void;
  /** What a call waits for, in words; without one, what all wait for. */
  waitingFor(call?: Call): string;
  /** What starts a call without headers of its own on the side in use. */
  head(method: Method, host: string | undefined): StreamHead;
  onCallStart(call: Call): void;
  onCallEnd(call: Call): void;
}
