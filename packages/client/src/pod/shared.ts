import type { ConnectionOptions, Transport } from '@podwire/http2';
import type { Endpoint } from '@podwire/registry';
import type { Env } from '../env.ts';
import type { BackoffOptions } from './backoff.ts';
import type { ConnectGate } from './connect-gate.ts';
import type { PingTime } from './ping-time.ts';
import type { ClientPod } from './pod.ts';

/** What all Pods of one side of a channel share. */
export interface PodShared {
  readonly env: Env;
  readonly transport: Transport;
  connectionOptions(endpoint: Endpoint): ConnectionOptions;
  /** Bounds how many connect at the same time, and how many fail in a second. */
  readonly gate: ConnectGate;
  readonly pings: PingTime;
  readonly backoff: BackoffOptions;
  /** More than one when the peer's MAX_CONCURRENT_STREAMS is used up (gRFC A105). */
  readonly maxConnectionsPerPod: number;
  /** Whether no Pod of the set takes calls now. */
  isDown(): boolean;
  /** The Pod's state changed. */
  onState(pod: ClientPod): void;
  /** A monitor changed the Pod's weight. */
  onWeight(pod: ClientPod): void;
  /** The Pod can take calls again, or not any more, in the same state. */
  onRoom(pod: ClientPod): void;
}
