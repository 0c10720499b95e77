import type { Channel as GrpcChannel } from '@grpc/grpc-js';
import type { EventEmitter } from 'eventemitter3';
import type { Mode } from '../options/mode.ts';
import type { ChannelEvents } from './events.ts';
import type { ChannelSnapshot } from './snapshot.ts';

/** A channel to one service: grpc-js's `Channel`, and what podwire adds to it. */
export interface PodwireChannel extends GrpcChannel, AsyncDisposable {
  /** Events are in {@link ChannelEvents}. */
  readonly events: EventEmitter<ChannelEvents>;
  /** The mode that new calls go by. */
  readonly mode: Mode;
  /**
   * Resolves when calls can go out: the registry answered and Pods are connected. Rejects with a {@link ChannelError}
   * that says what the channel waited for. Default 10 000 ms.
   */
  ready(options?: { readonly timeoutMs?: number }): Promise<void>;
  /**
   * Sends new calls by `mode` as soon as that mode's Pods are connected; calls in flight finish where they are. It overrides
   * environment and file until it is called with `undefined`. The promise need not be awaited: it resolves when the switch is
   * done, and rejects when the Pods did not connect (then nothing changed), or when the other mode was asked for before the switch
   * was done.
   */
  setMode(mode: Mode | undefined): Promise<void>;
  /** What the channel knows, as plain JSON. */
  snapshot(): ChannelSnapshot;
  /**
   * Refuses new calls and calls that wait for a Pod, and leaves nothing behind when the calls in flight have ended. They may last as long
   * as they like, as after `client.close()` of grpc-js, or `graceMs` at most. A second call with a `graceMs` that ends earlier shortens
   * the wait. The end of a scope (`await using`) closes with 5000.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}
