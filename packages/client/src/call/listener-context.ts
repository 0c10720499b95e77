import { AsyncResource } from 'node:async_hooks';
import type { ChannelInterface } from '@grpc/grpc-js';
import { timers } from '@podwire/core';
import type { RawHeaders } from '@podwire/http2';
import { initialMetadata } from '../headers/received-metadata.ts';
import type { PodwireStatus } from '../reasons.ts';
import { okStatus } from './status.ts';

/** A call as grpc-js's clients use it, and its listener. */
export type GrpcCall = ReturnType<ChannelInterface['createCall']>;
export type GrpcListener = Parameters<GrpcCall['start']>[1];
/** A listener that takes headers as they are, and makes metadata only when the caller looks at it, which few callers do. */
export interface CallListener extends GrpcListener {
  onReceiveHeaders?(headers: RawHeaders): void;
  /** Called instead of `onReceiveStatus` for a status that says nothing but OK. */
  onReceiveOk?(): void;
}

function deliverHeaders(listener: CallListener, headers: RawHeaders): void {
  if (listener.onReceiveHeaders !== undefined) listener.onReceiveHeaders(headers);
  else listener.onReceiveMetadata(initialMetadata(headers));
}
function deliverMessage(listener: GrpcListener, message: Buffer): void {
  listener.onReceiveMessage(message);
}
function deliverOk(listener: CallListener): void {
  if (listener.onReceiveOk !== undefined) listener.onReceiveOk();
  else listener.onReceiveStatus(okStatus());
}
function deliverStatus(listener: GrpcListener, status: PodwireStatus): void {
  listener.onReceiveStatus(status);
}

const RESOURCE_OPTIONS = { requireManualDestroy: true };

/**
 * Runs the caller's callbacks in the caller's async context (AsyncLocalStorage), and keeps their errors away from
 * the connection: as with grpc-js, such an error becomes an uncaught exception.
 */
export class ListenerContext extends AsyncResource {
  readonly #listener: CallListener;

  constructor(listener: CallListener) {
    super('podwire.call', RESOURCE_OPTIONS);
    this.#listener = listener;
  }

  headers(headers: RawHeaders): void {
    this.#run(deliverHeaders, headers);
  }

  message(message: Buffer): void {
    this.#run(deliverMessage, message);
  }

  /** The last callback, of a call that ended in order. */
  ok(): void {
    this.#run(deliverOk, undefined);
    this.emitDestroy();
  }

  /** The last callback. */
  status(status: PodwireStatus): void {
    this.#run(deliverStatus, status);
    this.emitDestroy();
  }

  /** A write callback of the caller, bound to its context; called without an error, as grpc-js does. */
  bound(fn: (error?: Error | null) => void): () => void {
    return () => {
      try {
        this.runInAsyncScope(fn);
      } catch (error) {
        rethrow(error);
      }
    };
  }

  #run<T>(deliver: (listener: CallListener, value: T) => void, value: T): void {
    try {
      this.runInAsyncScope(deliver, undefined, this.#listener, value);
    } catch (error) {
      rethrow(error);
    }
  }
}

function rethrow(error: unknown): void {
  timers.nextTick(() => {
    throw error;
  });
}
