// Long because it is the public surface of a channel, and its parts meet here: each has a file.
import type { ChannelInterface, Channel as GrpcChannel } from '@grpc/grpc-js';
import { type EndpointSet, type OpenedTarget, openTarget, type WatchStatus } from '@podwire/registry';
import { EventEmitter } from 'eventemitter3';
import type { Call } from '../call/call.ts';
import { CallRuntime } from '../call/call-runtime.ts';
import { newCall } from '../call/new-call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { serviceName } from '../cluster/names.ts';
import { whyNoPod } from '../cluster/unavailable.ts';
import type { Env } from '../env.ts';
import { ModeSwitch } from '../modes/mode-switch.ts';
import { WantedMode } from '../modes/wanted-mode.ts';
import { allOf } from '../observe/all-of.ts';
import { ReportCounter } from '../observe/counters.ts';
import type { ClusterReport, Observer } from '../observe/observer.ts';
import { milliseconds } from '../options/check.ts';
import { withLive } from '../options/live-settings.ts';
import type { Mode } from '../options/mode.ts';
import type { Settings } from '../options/settings.ts';
import type { TlsSettings } from '../options/tls.ts';
import type { ClientPod } from '../pod/pod.ts';
import { ChannelError } from '../reasons.ts';
import { Connectivity } from './connectivity.ts';
import { Destination, type Routing } from './destination.ts';
import { type ChannelEvents, emit, eventObserver } from './events.ts';
import { Grace } from './grace.ts';
import type { PodwireChannel } from './podwire-channel.ts';
import { Readiness } from './readiness.ts';
import { Router } from './router.ts';
import {
  type ChannelSnapshot,
  snapshotPanic,
  snapshotPods,
  snapshotRegistry,
  snapshotZone,
} from './snapshot.ts';

type CreateCall = Parameters<ChannelInterface['createCall']>;

/** How long calls may last after the scope of a channel ends (`await using`): the scope must not wait for ever. */
export const SCOPE_GRACE_MS = 5_000;

/** The parts of a channel that are not options. */
export interface ChannelParts {
  /** They see calls, attempts and Pods. */
  readonly observers?: readonly Observer[];
  /** Routes and clusters of the mode `direct`. Default: one cluster for all calls. */
  readonly routing?: Routing;
}

/** The channel itself; `env` and `variables` are passed in for tests. */
export class Channel implements Omit<PodwireChannel, keyof GrpcChannel> {
  readonly events: EventEmitter<ChannelEvents> = new EventEmitter<ChannelEvents>();
  readonly #target: OpenedTarget;
  readonly #service: string;
  #settings: Settings;
  readonly #env: Env;
  readonly #routing: Routing | undefined;
  readonly #observer: Observer | undefined;
  readonly #counter = new ReportCounter();
  readonly #router: Router;
  readonly #runtime: CallRuntime;
  readonly #connectivity: Connectivity;
  readonly #switch: ModeSwitch<Destination>;
  readonly #wanted: WantedMode;
  readonly #readiness: Readiness;
  readonly #grace: Grace;
  /** In use before, with Pods that still have calls. */
  #retired: Destination[] = [];
  #destination: Destination;
  #closing: Promise<void> | undefined;

  constructor(
    target: string,
    settings: Settings,
    env: Env,
    variables: NodeJS.ProcessEnv,
    { observers = [], routing }: ChannelParts = {},
  ) {
    this.#target = openTarget(target, env, settings.registries);
    this.#settings = settings;
    this.#env = env;
    this.#routing = routing;
    this.#service = settings.name ?? serviceName(this.#target);
    this.#observer = allOf([this.#counter, eventObserver(this.events), ...observers]);
    this.#router = new Router(settings, env.random);
    this.#runtime = new CallRuntime({
      service: this.#service,
      target: this.#target.target.text,
      settings,
      env,
      planner: this.#router,
      observer: allOf(observers),
    });
    this.#connectivity = new Connectivity(env, this.#runtime.processRef);
    this.#grace = new Grace(env.clock);
    this.#readiness = new Readiness(env.clock, this.#runtime.processRef, () => this.#destination.warm);
    this.#switch = new ModeSwitch({
      env,
      open: (mode) => this.#open(mode),
      swap: (destination) => this.#swap(destination),
      onFailed: (mode, error) => emit(this.events, 'modeFailed', { mode, error }),
      explain: (destination) => whyNoPod(this.#service, destination.main),
    });
    this.#wanted = new WantedMode(this.#service, settings, variables, env.clock, (error) =>
      this.#onModeFile(error),
    );
    try {
      this.#destination = this.#open(this.#wanted.mode);
    } catch (error) {
      this.#wanted.close();
      throw error;
    }
    this.#router.use(this.#destination);
    this.#runtime.onRoom = () => this.#destination.flush();
  }

  get mode(): Mode {
    return this.#destination.mode;
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
    if (this.#runtime.closed) throw new Error('Channel has been shut down');
    return newCall(this.#runtime, this.#router.method(method), deadline, host, parent, flags);
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
    const { state, main } = this.#destination;
    const text = `not ready in ${timeoutMs} ms; waited for ${whyNoPod(this.#service, main)}`;
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
    const { processRef } = this.#runtime;
    processRef.ref();
    const release = () => processRef.unref();
    done.then(release, release);
    return done;
  }

  /**
   * Takes the options that may change while calls run from `settings`, and leaves the others as they are. Calls under way keep what
   * they have, and so do Pods; calls that wait, and new ones, go by the new settings.
   */
  apply(settings: Settings): void {
    if (this.#closing !== undefined) return;
    this.#settings = withLive(this.#settings, settings);
    this.#runtime.configure(this.#settings);
    this.#wanted.configure(this.#settings);
    this.#destination.configure(this.#settings);
    this.#switch.destination?.configure(this.#settings);
    this.#router.use(this.#destination, this.#settings);
    this.#destination.reconsider();
    void this.#follow();
  }

  /** Tells of a change of the config that this channel was made from. */
  tell<E extends 'config' | 'configError'>(event: E, value: ChannelEvents[E][0]): void {
    emit(this.events, event, value);
  }

  snapshot(): ChannelSnapshot {
    const { main, state, clusters } = this.#destination;
    const { feed: watch } = main;
    const { clock } = this.#env;
    const { openCalls, waitLimit } = this.#runtime;
    return {
      service: this.#service,
      target: this.getTarget(),
      mode: this.mode,
      switchingTo: this.#switch.target,
      state: this.#closing === undefined ? state : 'closed',
      policy: main.policy.name,
      transport: this.#settings.transport.name,
      calls: { open: openCalls, waiting: waitLimit.waiting },
      panic: snapshotPanic(clusters.values()),
      stalledMs: this.#runtime.stalledMs,
      counters: this.#counter.now,
      registry: watch && snapshotRegistry(this.#target.registry.scheme, watch, clock.wallMs()),
      zone: snapshotZone(this.#settings.zone),
      pods: snapshotPods([...clusters.values()], clock),
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
    const runtime = this.#runtime;
    runtime.close();
    this.#destination.reconsider();
    this.#connectivity.set('closed');
    this.#switch.cancel('the channel was closed');
    this.#wanted.close();
    this.#destination.closeFeeds();
    await Promise.race([runtime.idle(), this.#grace.over]);
    this.#grace.stop();
    for (const destination of [this.#destination, ...this.#retired])
      destination.close('the channel was closed');
    this.#readiness.close();
    runtime.processRef.clear();
    this.events.removeAllListeners();
  }

  #open(mode: Mode): Destination {
    this.#wanted.check();
    const context = {
      target: this.#target,
      service: this.#service,
      settings: this.#settings,
      env: this.#env,
      waitLimit: this.#runtime.waitLimit,
      listener: {
        onChange: (cluster: Cluster) => this.#onChange(cluster),
        onPod: (pod: ClientPod) => this.#observer?.onPod?.(pod),
        onHealth: (pod: ClientPod) => this.#observer?.onHealth?.(pod),
        onSet: (set: EndpointSet) => this.#observer?.onSet?.(set),
        onRegistry: (status: WatchStatus) => this.#observer?.onRegistry?.(status),
        onReport: (report: ClusterReport) => this.#observer?.onReport?.(report),
      },
    };
    return Destination.open(mode, context, this.#routing);
  }

  #swap(destination: Destination): void {
    const before = this.#destination;
    this.#destination = destination;
    this.#retired = [...this.#retired.filter(({ isDrained }) => !isDrained), before];
    this.#router.use(destination);
    before.retire();
    this.#connectivity.set(destination.state);
    this.#readiness.look();
    emit(this.events, 'mode', destination.mode);
  }

  #onChange(cluster: Cluster): void {
    if (!this.#destination.has(cluster)) return this.#switch.look();
    this.#connectivity.set(this.#destination.state);
    this.#readiness.look();
  }

  #onModeFile(error: Error | undefined): void {
    if (error === undefined) void this.#follow();
    else emit(this.events, 'configError', error);
  }

  #follow(): Promise<void> {
    if (this.#closing !== undefined) return Promise.resolve();
    return this.#switch.to(this.#wanted.mode, this.mode);
  }
}
