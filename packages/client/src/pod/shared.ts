import type { ConnectionOptions, Transport } from '@podwire/http2';
import type { Endpoint } from '@podwire/registry';
import type { LimitFunction } from 'p-limit';
import type { Env } from '../env.ts';
import type { BackoffOptions } from './backoff.ts';
import type { ClientPod } from './pod.ts';

/** What all Pods of one side of a channel share. */
export interface PodShared {
  readonly env: Env;
  readonly transport: Transport;
  connectionOptions(endpoint: Endpoint): ConnectionOptions;
  /** Bounds simultaneous connects of the channel. */
  readonly governor: LimitFunction;
  readonly backoff: BackoffOptions;
  /** More than one when the peer's MAX_CONCURRENT_STREAMS is used up (gRFC A105). */
  readonly maxConnectionsPerPod: number;
  /** The Pod's state changed. */
  onState(pod: ClientPod): void;
  /** The Pod can take calls again, or not any more, in the same state. */
  onRoom(pod: ClientPod): void;
}
