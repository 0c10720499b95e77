import { type CallCredentials, connectivityState, type Channel as GrpcChannel } from '@grpc/grpc-js';
import type { EventEmitter } from 'eventemitter3';
import { type Channel, SCOPE_GRACE_MS } from '../channel/channel.ts';
import type { ChannelEvents } from '../channel/events.ts';
import type { PodwireChannel } from '../channel/podwire-channel.ts';
import type { ChannelSnapshot } from '../channel/snapshot.ts';
import type { Mode } from '../options/mode.ts';
import { ChannelError } from '../reasons.ts';

type CreateCall = Parameters<Channel['createCall']>;

/**
 * One client's share of a channel: its calls carry the call credentials that this client was made with, and `close` ends
 * this client alone. Everything else is the channel's.
 */
export class ClientChannel implements Omit<PodwireChannel, keyof GrpcChannel> {
  readonly #channel: Channel;
  readonly #credentials: CallCredentials | undefined;
  readonly #release: (options?: { readonly graceMs?: number }) => Promise<void>;
  /** Functions that end this client's waits for another connectivity state. */
  readonly #watches = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(
    channel: Channel,
    credentials: CallCredentials | undefined,
    release: (options?: { readonly graceMs?: number }) => Promise<void>,
  ) {
    this.#channel = channel;
    this.#credentials = credentials;
    this.#release = release;
  }

  get events(): EventEmitter<ChannelEvents> {
    return this.#channel.events;
  }

  /** The channel's options: another client may be put on this channel. */
  get options(): Channel['options'] {
    return this.#channel.options;
  }

  get tls(): Channel['tls'] {
    return this.#channel.tls;
  }

  get mode(): Mode {
    return this.#channel.mode;
  }

  createCall(...[method, deadline, host, parent, flags]: CreateCall): ReturnType<Channel['createCall']> {
    this.#checkOpen();
    const call = this.#channel.createCall(method, deadline, host, parent, flags);
    if (this.#credentials !== undefined) call.setCredentials(this.#credentials);
    return call;
  }

  getTarget(): string {
    return this.#channel.getTarget();
  }

  getConnectivityState(tryToConnect: boolean): connectivityState {
    if (this.#closing !== undefined) return connectivityState.SHUTDOWN;
    return this.#channel.getConnectivityState(tryToConnect);
  }

  watchConnectivityState(
    ...[current, deadline, callback]: Parameters<GrpcChannel['watchConnectivityState']>
  ): void {
    this.#checkOpen();
    const stop = this.#channel.watchConnectivityState(current, deadline, (error) => {
      this.#watches.delete(stop);
      callback(error);
    });
    this.#watches.add(stop);
  }

  getChannelzRef(): ReturnType<GrpcChannel['getChannelzRef']> {
    return this.#channel.getChannelzRef();
  }

  async ready(options?: { readonly timeoutMs?: number }): Promise<void> {
    if (this.#closing === undefined) return this.#channel.ready(options);
    throw new ChannelError('CHANNEL_CLOSED', this.#channel.snapshot().service, 'the client was closed');
  }

  setMode(mode: Mode | undefined): Promise<void> {
    return this.#channel.setMode(mode);
  }

  snapshot(): ChannelSnapshot {
    return this.#channel.snapshot();
  }

  close(options?: { readonly graceMs?: number }): Promise<void> {
    const released = this.#release(options);
    this.#closing ??= released;
    for (const stop of this.#watches) stop();
    return released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ graceMs: SCOPE_GRACE_MS });
  }

  /** Throws in grpc-js's words once this client is closed: grpc-js's `waitForReady` relies on it. */
  #checkOpen(): void {
    if (this.#closing !== undefined) throw new Error('Channel has been shut down');
  }
}
