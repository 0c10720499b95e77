import type { Metadata, status as Status, StatusObject } from '@grpc/grpc-js';
import { acrossCopies } from '@podwire/core';

/**
 * Why podwire itself ended a call or refused an operation. The words are stable: dashboards and tests may depend on them.
 * A status that a server sent has no reason, except a DEADLINE_EXCEEDED that comes when the deadline is due.
 */
export type Reason =
  /** The deadline passed. */
  | 'DEADLINE_EXCEEDED'
  /** The caller, its parent call or its signal cancelled. */
  | 'CANCELLED'
  /** The registry says that the service has no Pods. */
  | 'NO_ENDPOINTS'
  /** No Pod could be connected to. */
  | 'NO_CONNECTION'
  /** No Pod took the call within the waiting time. */
  | 'WAIT_TIMEOUT'
  /** Too many calls were waiting already. */
  | 'WAIT_QUEUE_FULL'
  /** The call waited for room, and had less time left than calls of its method take. */
  | 'OVER_LIMIT'
  /** The connection died while the call was on it. */
  | 'CONNECTION_LOST'
  /** The Pod refused the stream, and no other Pod took it. */
  | 'REFUSED'
  /** The Pod reset the stream. */
  | 'RESET'
  /** The Pod broke the protocol. */
  | 'PROTOCOL_ERROR'
  /** The reply was not gRPC, or carried no status. */
  | 'NOT_GRPC'
  /** A message was larger than a limit. */
  | 'MESSAGE_TOO_LARGE'
  /** The headers or trailers of a reply were larger than a limit. */
  | 'HEADERS_TOO_LARGE'
  /** Metadata that can't be sent, or a `hashKey` that failed. */
  | 'INVALID_CALL'
  /** Call credentials failed. */
  | 'CREDENTIALS'
  /** Call credentials would have travelled in plaintext. */
  | 'INSECURE_CREDENTIALS'
  /** The channel was closed under the call. */
  | 'CHANNEL_CLOSED';

/** The status of a failed call, whether the server or podwire ended it. The fields beyond grpc-js's own are also on the `ServiceError`. */
export interface PodwireStatus extends StatusObject {
  /** gRPC's status code. */
  code: Status;
  /** What failed, where and when, for people. */
  details: string;
  /** The server's trailers; empty when podwire ended the call. */
  metadata: Metadata;
  /** Why podwire ended the call; undefined for a status that a server sent, with one exception (docs/errors.md). */
  readonly reason?: Reason;
  /** The service's name, as in the channel's snapshot. */
  readonly service?: string;
  /** `host:port` of every Pod that the call was sent to, in order. */
  readonly pods?: readonly string[];
  /** Milliseconds since the call was started. */
  readonly elapsedMs?: number;
}

/** Why `ready()` of a channel failed. The message says what the channel waited for, and how long. */
export class ChannelError extends Error {
  static {
    acrossCopies(ChannelError, 'podwire.ChannelError');
  }
  override readonly name = 'ChannelError';
  readonly reason: Reason;
  readonly service: string;
  constructor(reason: Reason, service: string, message: string) {
    super(message);
    this.reason = reason;
    this.service = service;
  }
}
