import type { CallCredentials } from '@grpc/grpc-js';
import type { MethodHead } from '@podwire/http2';
import type { Env } from '../env.ts';

/** The cluster whose Pods are watched. */
export interface WatchingCluster {
  readonly env: Env;
  /** What all requests have in common: the authority, and headers such as the user agent. */
  readonly head: Omit<MethodHead, 'path'>;
  readonly callCredentials: CallCredentials | undefined;
}
