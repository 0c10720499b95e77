import type { Channel as GrpcChannel } from '@grpc/grpc-js';
import type { EventEmitter } from 'eventemitter3';
import type { Mode } from '../options/mode.ts';
import type { ChannelEvents } from './events.ts';
import type { ChannelSnapshot } from './snapshot.ts';

/** A channel to one service: grpc-js's `Channel`, and what podwire adds to it. */
export interface PodwireChannel extends GrpcChannel, AsyncDisposable {
  /** Events are in {@link ChannelEvents}. */
  readonly events: EventEmitter<ChannelEvents>;
  /** How new calls go now. */
  readonly mode: Mode;
  /**
   * Resolves when calls can go out: the registry answered and Pods are connected. Rejects with a {@link ChannelError}
   * that says what was waited for. Default 10 000 ms.
   */
  ready(options?: { readonly timeoutMs?: number }): Promise<void>;
  /**
   * Sends new calls the other way as soon as that side is connected; calls under way finish where they are. It stands
   * above environment and file until it is called with `undefined`. The promise need not be awaited: it resolves when
   * the switch is done, and rejects when the new side did not connect (then nothing changed), or when the other mode was asked
   * for before it was done.
   */
  setMode(mode: Mode | undefined): Promise<void>;
  /** What the channel knows, as plain JSON. */
  snapshot(): ChannelSnapshot;
  /**
   * Refuses new calls and those that wait for a Pod, and leaves nothing behind when the calls under way have ended. Those last as long
   * as they will, as after `client.close()` of grpc-js, or `graceMs` at most. Called again with a `graceMs` that ends earlier, it waits
   * no longer than that. The end of a scope (`await using`) closes with 5000.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}
