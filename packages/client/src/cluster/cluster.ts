// Long because it is where a set of Pods, a policy, a queue and opinions meet: each has a file, and here is what they tell one another.
import { Block, canServe, type LoadTotal, type Picker, type PickInfo, type Policy } from '@podwire/balancer';
import { type Incremental, type StallMeter, stallsOf, type Timer } from '@podwire/core';
import type { RawHeaders } from '@podwire/http2';
import type { Endpoint, ServiceWatch } from '@podwire/registry';
import type { Env } from '../env.ts';
import type { ClusterReport } from '../observe/observer.ts';
import type { ConnectionPool } from '../pod/connection-pool.ts';
import type { ClientPod, PodOwner } from '../pod/pod.ts';
import type { PodRank } from '../pod/rank.ts';
import type { HealthOption } from '../watches/health-monitor.ts';
import { FirstPod } from './first-pod.ts';
import { Members } from './members.ts';
import { type ClientMonitorFactory, Monitors } from './monitors.ts';
import { Panic } from './panic.ts';
import { PickerRebuild } from './picker-rebuild.ts';
import { WaitLimit, WaitQueue } from './wait-queue.ts';
import { WarmUp } from './warm-up.ts';

/** The settings of a cluster that can change while calls run. */
export interface ClusterSettings {
  readonly policy: Policy;
  /** How long a Pod that left may finish its calls. */
  readonly drainMs: number;
  /** What is asked of Pods about their health; see `watches/health-monitor.ts`. */
  readonly health?: HealthOption;
  /** The most calls that one Pod holds; 0 is no limit. */
  readonly maxCallsPerPod: number;
  /** In percent of the set: when fewer Pods take calls, podwire's opinions of the others are ignored. 0 is never. */
  readonly panicThreshold: number;
}

/** The options of a cluster. */
export interface ClusterOptions extends ClusterSettings {
  /** The name by which routes know the cluster. */
  readonly name: string;
  readonly env: Env;
  /** The zone that calls prefer, while it is known. */
  readonly zone?: () => string | undefined;
  readonly authority: string;
  /** Sent with every call. */
  readonly commonHeaders: RawHeaders;
  /** The pool of the Pods' connections; clusters that share it share connections. */
  readonly pool: ConnectionPool;
  /** The limit of calls that wait, over all clusters of the channel. Default: no limit. */
  readonly waitLimit?: WaitLimit;
  readonly monitors?: readonly ClientMonitorFactory[];
  /** Pods or their states changed, after the picker was rebuilt. */
  onChange(cluster: Cluster): void;
  /** A Pod's state changed. */
  onPod(pod: ClientPod): void;
  /** A Pod is lost, or is back: for what chooses the Pods. It must not change them at once. */
  onLoss?: () => void;
  onReport(report: ClusterReport): void;
}

/** How long a policy that sends equal keys to one Pod, or all calls to one, waits for a suspect Pod before it diverts calls. */
const DIVERTS_AFTER_MS = 500;

/** `unknown`: the registry has not answered yet; `empty`: it names no Pod. The others are gRPC's connectivity states. */
export type ClusterState = 'unknown' | 'empty' | 'connecting' | 'ready' | 'failing';

/** A set of Pods with one policy, the picker over them, and the calls that wait for one of them. A route names it. */
export class Cluster implements PodOwner {
  readonly name: string;
  readonly env: Env;
  readonly pool: ConnectionPool;
  readonly total: LoadTotal = { inFlight: 0 };
  readonly authority: string;
  readonly commonHeaders: RawHeaders;
  readonly queue: WaitQueue;
  /** Undefined unless a monitor looks at attempts: then an attempt costs one comparison. */
  monitors: Monitors | undefined;
  readonly #monitors: Monitors;
  readonly stalls: StallMeter;
  readonly panic: Panic;
  /** The registry's watch that names its Pods; undefined for a fixed address. */
  feed: ServiceWatch | undefined;
  policy: Policy;
  settings: ClusterSettings;
  /** The picker for calls; undefined while they have to wait. */
  picker: Picker<ClientPod> | undefined;
  state: ClusterState = 'unknown';
  /** Whether no new call goes here: routes name another cluster, or the channel is closed. */
  isRetired = false;
  readonly #options: ClusterOptions;
  readonly #members: Members;
  readonly #warmUp: WarmUp;
  readonly #rebuild: PickerRebuild;
  /** The newest picker. It is used once the cluster is warm. */
  #built: Picker<ClientPod> | undefined;
  #refreshTimer: Timer | undefined;
  /** Only for a policy that uses one Pod at a time. */
  #first: FirstPod | undefined;

  constructor(options: ClusterOptions) {
    const { env } = options;
    this.name = options.name;
    this.env = env;
    this.pool = options.pool;
    this.authority = options.authority;
    this.commonHeaders = options.commonHeaders;
    this.policy = options.policy;
    this.settings = options;
    this.stalls = stallsOf(env.clock);
    this.panic = new Panic(options.panicThreshold, options.policy.order !== undefined);
    this.#options = options;
    this.queue = new WaitQueue(options.waitLimit ?? new WaitLimit(Number.POSITIVE_INFINITY), () =>
      env.clock.nowMs(),
    );
    this.#members = new Members(this, () => this.settings.drainMs);
    this.#warmUp = new WarmUp(env.clock, () => this.#changed());
    this.#rebuild = new PickerRebuild(
      env.clock,
      () => this.#buildPicker(),
      () => this.#members.order.length,
    );
    this.#first = this.#firstPod();
    this.#monitors = new Monitors(options.monitors ?? [], this);
  }

  /** Pods of the set, by id. */
  get pods(): ReadonlyMap<string, ClientPod> {
    return this.#members.byId;
  }

  /** Pods in the set and those that drain. */
  get all(): ClientPod[] {
    return this.#members.all;
  }

  /** Whether calls may go out: all Pods were tried, or the first has been ready for a while. */
  get warm(): boolean {
    return this.#warmUp.isOver;
  }

  /** Takes another policy or drain time. Pods, their connections and their load stay, and no call has to wait. */
  configure(settings: ClusterSettings): void {
    const { health } = this.settings;
    const hasSamePolicy = settings.policy === this.policy;
    this.settings = settings;
    if (this.panic.configure(settings.panicThreshold, settings.policy.order !== undefined)) this.#onPanic();
    for (const pod of this.#members.order) pod.refresh();
    if (this.isRetired || (hasSamePolicy && settings.health === health)) return;
    this.policy = settings.policy;
    this.#tellPods();
    if (hasSamePolicy) return;
    this.#first?.stop();
    this.#first = this.#firstPod();
    if (this.#first === undefined) for (const pod of this.#members.order) pod.connect();
    this.refresh();
  }

  /** Call it when the policy's input changed, for example the own zone. */
  refresh(): void {
    if (this.isRetired) return;
    this.#first?.update();
    this.#rebuild.plan('now');
  }

  /** Takes a new set: keeps the Pods that stay, makes the new ones, and drains those that left. */
  update(endpoints: readonly Endpoint[]): void {
    const added = this.#members.update(endpoints);
    if (endpoints.length === 0) this.state = 'empty';
    this.#tellPods();
    if (this.#first !== undefined) {
      for (const pod of added) pod.stay();
      this.#first.update();
    } else for (const pod of added) pod.connect();
    this.#rebuild.plan(this.state === 'ready' ? 'later' : 'now');
  }

  /** A Pod that takes a call now; undefined when none does. */
  pick(info: PickInfo<ClientPod>): ClientPod | undefined {
    return this.picker?.pick(info);
  }

  /** The Pod that a call names, if it takes the call now. */
  pickNamed(id: string): ClientPod | undefined {
    const pod = this.#members.byId.get(id);
    if (pod !== undefined) this.#first?.want(pod);
    return pod?.hasRoom ? pod : undefined;
  }

  /** A Pod for a call that excludes some. Under a policy that uses one Pod at a time, another one may have to be connected first. */
  pickOther(info: PickInfo<ClientPod>): ClientPod | undefined {
    const pod = this.pick(info);
    if (pod === undefined || this.#first === undefined || !info.excluded?.has(pod)) return pod;
    return this.#first.wantOther(info.excluded) ? undefined : pod;
  }

  /** Call it when new calls and waiting calls go elsewhere. Calls in flight finish within the drain time. */
  retire(): void {
    if (this.isRetired) return;
    this.#stop();
    this.queue.reconsider();
    this.#members.drain();
  }

  /** Ends all calls, and leaves nothing behind. */
  close(reason: string): void {
    this.#stop();
    this.#members.close(reason);
  }

  #stop(): void {
    const isFirst = !this.isRetired;
    this.isRetired = true;
    this.feed?.close();
    this.#warmUp.stop();
    this.#refreshTimer?.cancel();
    this.#first?.stop();
    this.#rebuild.close();
    if (isFirst) this.#monitors.close(this.#members.order);
  }

  isDown(): boolean {
    return this.state !== 'ready';
  }

  get heeded(): number {
    return this.panic.heeded;
  }

  get maxCallsPerPod(): number {
    return this.settings.maxCallsPerPod;
  }

  get divertsAfterMs(): number {
    return this.policy.needsHash || this.policy.order !== undefined ? DIVERTS_AFTER_MS : 0;
  }

  hearsOthers(pod: ClientPod): boolean {
    const sinceMs = pod.suspectSinceMs ?? this.env.clock.nowMs();
    return this.#members.order.some((other) => other !== pod && other.connections.lastReadMs > sinceMs);
  }

  onSuspect({ id, suspectSinceMs }: ClientPod): void {
    this.report({ type: 'suspect', id, isSuspect: suspectSinceMs !== undefined });
  }

  onRank(before: PodRank, pod: ClientPod): void {
    if (this.panic.move(before, pod.rank)) this.#onPanic();
    if (pod.rank === 'doubted') this.#first?.onDoubt(pod);
    if ((before === 'sound') === (pod.rank === 'sound')) return;
    this.#recount();
    this.#options.onLoss?.();
  }

  report(report: ClusterReport): void {
    this.#options.onReport(report);
  }

  onWeight(): void {
    this.#rebuild.plan('later');
  }

  /** A Pod said for the first time whether it serves, or is not asked any more. */
  onAnswered(): void {
    if (!this.isRetired) this.#rebuild.plan(this.state === 'ready' ? 'soon' : 'now');
  }

  onRoom(pod: ClientPod): void {
    if (pod.hasRoom && !this.isRetired) this.queue.flush();
  }

  onState(pod: ClientPod): void {
    if (pod.state === 'closed') {
      this.#members.forget(pod);
      this.#monitors.forget(pod);
    }
    if (pod.state === 'ready' && !this.isRetired) this.#monitors.onReady(pod);
    if (pod.connections.lost && pod.wantsConnection) this.feed?.recheck();
    // Calls that wait for this Pod alone may fail now.
    if (pod.state === 'backoff') this.queue.reconsiderSteered();
    this.#options.onPod(pod);
    if (this.isRetired) return;
    // Before the picker is planned: with further Pods to connect to, the cluster is not failing.
    if (pod.failing) this.#options.onLoss?.();
    this.#first?.onState(pod);
    // When a Pod fails to connect again, nothing changes for calls that other Pods take.
    if (this.warm && pod.state !== 'ready' && !pod.picked) return;
    // Nor does anything change when one more attempt fails while all Pods fail.
    if (this.state === 'failing' && pod.failing && pod.state !== 'ready' && pod.state !== 'idle') return;
    this.#rebuild.plan(this.state !== 'ready' ? 'now' : pod.state === 'ready' ? 'soon' : 'later');
  }

  #tellPods(): void {
    this.#monitors.onPods(this.#members.order);
    this.monitors = this.#monitors.watchesAttempts ? this.#monitors : undefined;
  }

  #onPanic(): void {
    const { level } = this.panic;
    this.report({ type: 'panic', level, cluster: this.name });
    for (const pod of this.#members.order) pod.refresh();
    this.#recount();
  }

  /** More Pods are blocked, or fewer: for a policy that has its shares from that. */
  #recount(): void {
    if (this.policy.countsBlocked === true) this.#rebuild.plan('later');
  }

  #firstPod(): FirstPod | undefined {
    const { order } = this.policy;
    if (order === undefined) return undefined;
    const { clock, random } = this.env;
    return new FirstPod({
      clock,
      pods: () => this.#members.order,
      order: () => order(this.#members.order, random, this.#options.zone?.()),
    });
  }

  *#buildPicker(): Incremental<void> {
    const { policy, env } = this;
    const { serving, ready, settled } = this.#look();
    this.#built = yield* policy.build({
      pods: serving,
      ready,
      heeded: this.heeded,
      random: env.random,
      nowMs: () => env.clock.nowMs(),
      zone: this.#options.zone?.(),
      previous: this.#built,
    });
    this.#planRefresh();
    this.#warmUp.look(ready.length, settled || this.#first !== undefined);
    this.#changed();
  }

  #changed(): void {
    this.picker = this.warm ? this.#built : undefined;
    if (this.state === 'ready') this.queue.flush();
    else this.queue.reconsider();
    this.#options.onChange(this);
  }

  /** Looks at every Pod, and works out the cluster's state. */
  #look(): { readonly serving: ClientPod[]; readonly ready: ClientPod[]; readonly settled: boolean } {
    const serving: ClientPod[] = [];
    const ready: ClientPod[] = [];
    let able = 0;
    let failed = 0;
    const { order } = this.#members;
    const current = this.#first?.current;
    for (const pod of order) {
      // One that owes its first word on its health counts as one that connects (gRFC A17).
      const isReady = pod.state === 'ready' && (pod.blocked & Block.UNANSWERED) === 0;
      pod.picked = isReady;
      if (pod.endpoint.phase === 'serving') serving.push(pod);
      if (!canServe(pod.endpoint)) continue;
      able += 1;
      if (isReady && pod === current) ready.unshift(pod);
      else if (isReady) ready.push(pod);
      // An idle Pod is not being tried.
      else if (pod.failing && pod.state !== 'idle') failed += 1;
    }
    const before = this.state;
    if (ready.length > 0) this.state = 'ready';
    // While no Pod can serve, calls wait: a Pod that can may come.
    else if (order.length > 0) this.state = able > 0 && failed === able ? 'failing' : 'connecting';
    else if (this.state !== 'unknown') this.state = 'empty';
    if (before === 'ready' && this.state !== 'ready') for (const pod of order) pod.hasten();
    return { serving, ready, settled: ready.length + failed === able };
  }

  /** Plans a rebuild for a policy whose weights change by themselves. */
  #planRefresh(): void {
    const { refreshMs } = this.policy;
    this.#refreshTimer?.cancel();
    if (refreshMs > 0 && !this.isRetired)
      this.#refreshTimer = this.env.clock.after(refreshMs, () => this.#rebuild.plan('later'));
  }
}
