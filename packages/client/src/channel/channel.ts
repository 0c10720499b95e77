import type { ChannelInterface, Channel as GrpcChannel } from '@grpc/grpc-js';
import { timers } from '@podwire/core';
import { type EndpointSet, type OpenedTarget, openTarget, type WatchStatus } from '@podwire/registry';
import { EventEmitter } from 'eventemitter3';
import type { Call } from '../call/call.ts';
import type { Side } from '../cluster/cluster.ts';
import { serviceName } from '../cluster/names.ts';
import { type OpenSide, openDirect, openMesh, type SideListener } from '../cluster/open-cluster.ts';
import { whyNoPod } from '../cluster/unavailable.ts';
import type { Env } from '../env.ts';
import { ModeSwitch } from '../modes/mode-switch.ts';
import { WantedMode } from '../modes/wanted-mode.ts';
import { milliseconds } from '../options/check.ts';
import type { Mode } from '../options/mode.ts';
import type { Settings } from '../options/settings.ts';
import type { TlsSettings } from '../options/tls.ts';
import type { ClientPod } from '../pod/pod.ts';
import { ChannelError } from '../reasons.ts';
import { Connectivity } from './connectivity.ts';
import { Dispatcher } from './dispatcher.ts';
import type { ChannelEvents } from './events.ts';
import { Grace } from './grace.ts';
import type { PodwireChannel } from './podwire-channel.ts';
import { Readiness } from './readiness.ts';
import { type ChannelSnapshot, snapshotPods, snapshotRegistry, snapshotZone } from './snapshot.ts';

type CreateCall = Parameters<ChannelInterface['createCall']>;

/** How long calls may last when a scope ends that holds the channel (`await using`), which must not wait for ever. */
export const SCOPE_GRACE_MS = 5_000;

/** The channel itself; `env` and `variables` are passed in for tests. */
export class Channel implements Omit<PodwireChannel, keyof GrpcChannel> {
  readonly events: EventEmitter<ChannelEvents> = new EventEmitter<ChannelEvents>();
  readonly #target: OpenedTarget;
  readonly #service: string;
  readonly #settings: Settings;
  readonly #env: Env;
  readonly #dispatcher: Dispatcher;
  readonly #connectivity: Connectivity;
  readonly #switch: ModeSwitch;
  readonly #wanted: WantedMode;
  readonly #readiness: Readiness;
  readonly #grace: Grace;
  #draining: Side[] = [];
  #open: OpenSide;
  #closing: Promise<void> | undefined;

  constructor(target: string, settings: Settings, env: Env, variables: NodeJS.ProcessEnv) {
    this.#target = openTarget(target, env, settings.registries);
    this.#settings = settings;
    this.#env = env;
    this.#service = settings.name ?? serviceName(this.#target);
    this.#wanted = new WantedMode(this.#service, settings, variables, env.clock, (error) =>
      this.#onModeFile(error),
    );
    this.#switch = new ModeSwitch({
      env,
      open: (mode) => this.#openSide(mode),
      swap: (open) => this.#swap(open),
      onFailed: (mode, error) => this.#emit('modeFailed', { mode, error }),
      explain: ({ side, watch }) => whyNoPod(this.#service, side, watch?.status),
    });
    try {
      this.#open = this.#openSide(this.#wanted.mode);
    } catch (error) {
      this.#wanted.close();
      throw error;
    }
    this.#dispatcher = new Dispatcher(
      this.#service,
      settings,
      env,
      this.#open.side,
      () => this.#open.watch?.status,
    );
    this.#connectivity = new Connectivity(env, this.#dispatcher.processRef);
    this.#grace = new Grace(env.clock);
    this.#readiness = new Readiness(env.clock, this.#dispatcher.processRef, () => this.#open.side.warm);
  }

  get mode(): Mode {
    return this.#open.side.mode;
  }

  /** The options that it was made with, in podwire's words; without defaults. */
  get options(): Settings['given'] {
    return this.#settings.given;
  }

  /** Undefined for plaintext. */
  get tls(): TlsSettings | undefined {
    return this.#settings.tls;
  }

  createCall(
    method: CreateCall[0],
    deadline: CreateCall[1],
    host: CreateCall[2],
    parent: CreateCall[3],
    flags: CreateCall[4],
  ): Call {
    return this.#dispatcher.createCall(method, deadline, host, parent, flags);
  }

  getTarget(): string {
    return this.#target.target.text;
  }

  getConnectivityState(_tryToConnect: boolean): ReturnType<GrpcChannel['getConnectivityState']> {
    return this.#connectivity.state;
  }

  /** Returns what ends the watch at once. */
  watchConnectivityState(
    ...[current, deadline, callback]: Parameters<GrpcChannel['watchConnectivityState']>
  ): () => void {
    return this.#connectivity.watch(current, deadline, callback);
  }

  /** podwire keeps no channelz data; a reference that names nothing. */
  getChannelzRef(): ReturnType<GrpcChannel['getChannelzRef']> {
    return { kind: 'channel', id: 0, name: this.getTarget() } as ReturnType<GrpcChannel['getChannelzRef']>;
  }

  async ready(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const timeoutMs = milliseconds(options, 'timeoutMs') ?? this.#settings.waiting.timeoutMs;
    if (await this.#readiness.wait(timeoutMs)) return;
    if (this.#closing !== undefined)
      throw new ChannelError('CHANNEL_CLOSED', this.#service, 'the channel was closed');
    const { state } = this.#open.side;
    const text = `not ready in ${timeoutMs} ms; waited for ${this.#dispatcher.waitingFor()}`;
    throw new ChannelError(
      state === 'empty' || state === 'unknown' ? 'NO_ENDPOINTS' : 'NO_CONNECTION',
      this.#service,
      text,
    );
  }

  setMode(mode: Mode | undefined): Promise<void> {
    this.#wanted.set(mode);
    const done = this.#follow();
    if (this.#switch.target === undefined) return done;
    // A caller that waits for it keeps the process alive, as one that waits for `ready` does.
    const { processRef } = this.#dispatcher;
    processRef.ref();
    const release = () => processRef.unref();
    done.then(release, release);
    return done;
  }

  snapshot(): ChannelSnapshot {
    const { side, watch } = this.#open;
    const { clock } = this.#env;
    return {
      service: this.#service,
      target: this.getTarget(),
      mode: this.mode,
      switchingTo: this.#switch.target,
      state: this.#closing === undefined ? side.state : 'closed',
      policy: side.policy.name,
      transport: this.#settings.transport.name,
      calls: { open: this.#dispatcher.openCalls, waiting: this.#dispatcher.queue.size },
      registry: watch && snapshotRegistry(this.#target.registry.scheme, watch, clock.wallMs()),
      zone: snapshotZone(this.#settings.zone),
      pods: snapshotPods(side, clock.nowMs()),
    };
  }

  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = milliseconds(options, 'graceMs');
    if (graceMs !== undefined) this.#grace.limit(graceMs);
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ graceMs: SCOPE_GRACE_MS });
  }

  async #shutDown(): Promise<void> {
    const dispatcher = this.#dispatcher;
    dispatcher.close();
    this.#connectivity.set('closed');
    this.#switch.cancel('the channel was closed');
    this.#wanted.close();
    this.#open.watch?.close();
    await Promise.race([dispatcher.idle(), this.#grace.over]);
    this.#grace.stop();
    this.#open.side.close('the channel was closed');
    for (const side of this.#draining) side.close('the channel was closed');
    this.#readiness.close();
    dispatcher.processRef.clear();
    this.events.removeAllListeners();
  }

  #openSide(mode: Mode): OpenSide {
    this.#wanted.check();
    const listener: SideListener = {
      onChange: (side) => this.#onChange(side),
      onRoom: (side) => this.#dispatcher.onRoom(side),
      onPod: (pod) => this.#onPod(pod),
      onSet: (set) => this.#onSet(set),
      onRegistry: (status) => this.#onRegistry(status),
    };
    if (mode === 'mesh') return openMesh(this.#service, this.#settings, this.#env, listener);
    return openDirect(this.#target, this.#service, this.#settings, this.#env, listener);
  }

  #swap(open: OpenSide): void {
    const before = this.#open;
    this.#open = open;
    this.#draining = [...this.#draining.filter((side) => side.all.length > 0), before.side];
    this.#dispatcher.use(open.side);
    before.watch?.close();
    before.side.drain();
    this.#connectivity.set(open.side.state);
    this.#readiness.look();
    this.#emit('mode', open.side.mode);
  }

  #onChange(side: Side): void {
    if (side !== this.#open.side) return this.#switch.onWarm(side);
    this.#dispatcher.onChange(side);
    this.#connectivity.set(side.state);
    this.#readiness.look();
  }

  #onPod(pod: ClientPod): void {
    if (pod.lost) this.#open?.watch?.recheck();
    if (pod.state === 'backoff') this.#dispatcher?.onPodFailed();
    this.#emit('pod', { id: pod.id, state: pod.state, error: pod.lastError });
  }

  #onSet(set: EndpointSet): void {
    // A list of ten thousand ids is not made when no listener would get it.
    if (this.events.listenerCount('endpoints') === 0) return;
    const ids = set.endpoints.map(({ id }) => id);
    this.#emit('endpoints', { version: set.version, source: set.source, ids });
  }

  #onRegistry(status: WatchStatus): void {
    this.#emit('registry', status);
  }

  #onModeFile(error: Error | undefined): void {
    if (error === undefined) void this.#follow();
    else this.#emit('configError', error);
  }

  /** What a listener throws becomes an uncaught exception; it must not end in a connection's hands. */
  #emit<K extends keyof ChannelEvents>(event: K, value: ChannelEvents[K][0]): void {
    if (this.events.listenerCount(event) === 0) return;
    try {
      (this.events.emit as (event: K, value: ChannelEvents[K][0]) => boolean).call(this.events, event, value);
    } catch (error) {
      timers.nextTick(() => {
        throw error;
      });
    }
  }

  #follow(): Promise<void> {
    if (this.#closing !== undefined) return Promise.resolve();
    return this.#switch.to(this.#wanted.mode, this.mode);
  }
}
