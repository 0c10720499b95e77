import { AsyncResource } from 'node:async_hooks';
import type { ChannelInterface, Metadata } from '@grpc/grpc-js';
import type { PodwireStatus } from '../reasons.ts';

/** A call as grpc-js's clients use it, and its listener. */
export type GrpcCall = ReturnType<ChannelInterface['createCall']>;
export type GrpcListener = Parameters<GrpcCall['start']>[1];

function deliverMetadata(listener: GrpcListener, metadata: Metadata): void {
  listener.onReceiveMetadata(metadata);
}
function deliverMessage(listener: GrpcListener, message: Buffer): void {
  listener.onReceiveMessage(message);
}
function deliverStatus(listener: GrpcListener, status: PodwireStatus): void {
  listener.onReceiveStatus(status);
}

const RESOURCE_OPTIONS = { requireManualDestroy: true };

/**
 * Runs the caller's callbacks in the caller's async context (AsyncLocalStorage), and keeps what they throw away from
 * the connection: it surfaces as an uncaught exception, as it does with grpc-js.
 */
export class Delivery extends AsyncResource {
  readonly #listener: GrpcListener;

  constructor(listener: GrpcListener) {
    super('podwire.call', RESOURCE_OPTIONS);
    this.#listener = listener;
  }

  metadata(metadata: Metadata): void {
    this.#run(deliverMetadata, metadata);
  }

  message(message: Buffer): void {
    this.#run(deliverMessage, message);
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

  #run<T>(deliver: (listener: GrpcListener, value: T) => void, value: T): void {
    try {
      this.runInAsyncScope(deliver, undefined, this.#listener, value);
    } catch (error) {
      rethrow(error);
    }
  }
}

function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
