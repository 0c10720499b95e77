import type { Evidence } from './evidence.ts';
import type { Pod } from './pod.ts';

/**
 * The party that decided how an attempt ended. `server`: it sent a status or reset the stream. `proxy`: an answer that is not gRPC, from a
 * proxy or another server before it. `connection`: the connection died, or refused the stream (Envoy: a failure of local origin).
 * `client`: the caller, its deadline or a limit of podwire's own.
 */
export type Origin = 'server' | 'proxy' | 'connection' | 'client';

/** One attempt at a call, as monitors and observers see it. It is the attempt itself and not a copy: read it, and keep nothing. */
export interface AttemptFacts<P extends Pod = Pod> {
  /** The Pod that it was sent to. */
  readonly pod: P;
  /** `/package.Service/Method` */
  readonly method: string;
  /** Attempts at this call before it, from 0; transparent retries are not counted (gRFC A6, `grpc-previous-rpc-attempts`). */
  readonly ordinal: number;
  /** Whether it was sent while another attempt at the same call was open. */
  readonly isHedge: boolean;
  /** When it was sent to its Pod, on the channel's monotonic clock, in milliseconds. */
  readonly startedMs: number;
  /** When it ended; 0 while it is open. */
  readonly endedMs: number;
  /** gRPC's status code; OK while it is open. */
  readonly code: number;
  /** The party that decided the code. */
  readonly origin: Origin;
  /** What its end says about the Pod; NONE while it is open. */
  readonly evidence: Evidence;
  /** The hash of the call's key; 0 under a policy that reads no keys. */
  readonly hash: number;
  /** Trailers of the reply, name and value in turn; empty without a reply. */
  readonly trailers: readonly string[];
  /** Bytes of the messages that were sent, compressed and without their prefixes; known while it is open as well. */
  readonly sentBytes: number;
  /** Bytes of the messages that were received and delivered, compressed and without their prefixes. */
  readonly receivedBytes: number;
}
