import { canServe, type LoadTotal, type Picker, type PickInfo, type Policy } from '@podwire/balancer';
import type { Incremental, Timer } from '@podwire/core';
import type { StreamHead } from '@podwire/http2';
import type { Endpoint } from '@podwire/registry';
import type { Method } from '../call/method.ts';
import type { Env } from '../env.ts';
import { NO_HEADERS } from '../headers/endpoint-headers.ts';
import type { Mode } from '../options/mode.ts';
import { ClientPod } from '../pod/pod.ts';
import type { PodShared } from '../pod/shared.ts';
import { FirstPod } from './first-pod.ts';
import { PickerRebuild } from './picker-rebuild.ts';

/** What a side is made of. */
export interface SideOptions {
  readonly mode: Mode;
  readonly env: Env;
  readonly policy: Policy;
  /** The zone that calls prefer, while it is known. */
  readonly zone?: () => string | undefined;
  readonly authority: string;
  /** Sent with every call. */
  readonly commonHeaders: readonly string[];
  readonly drainMs: number;
  readonly shared: Omit<PodShared, 'isDown' | 'onState' | 'onWeight' | 'onRoom'>;
  /** Pods or their states changed, after the picker was rebuilt. */
  onChange(side: Side): void;
  /** A Pod can take calls again, or one more is ready to. */
  onRoom(side: Side): void;
  onPod(pod: ClientPod): void;
}

/** `unknown`: nothing was said of the service's Pods yet. The others are gRPC's connectivity states. */
export type SideState = 'unknown' | 'empty' | 'connecting' | 'ready' | 'failing';

/**
 * How long the first calls wait after the first Pod is ready for the others, so that they are spread over all Pods
 * and not sent to the one that connected first.
 */
const SPREAD_MS = 100;
/** Hosts that calls of one method name for themselves, of which is kept what they repeat. */
const MAX_AUTHORITIES = 64;

/** The Pods that calls of one mode go to, and the picker over them. */
export class Side {
  readonly mode: Mode;
  readonly pods = new Map<string, ClientPod>();
  state: SideState = 'unknown';
  /** All Pods were tried, or the first has been ready for a while: calls may go out. */
  warm = false;
  readonly #options: SideOptions;
  readonly #shared: PodShared;
  readonly #total: LoadTotal = { inFlight: 0 };
  /** Pods that left the set and are not closed; one that comes back is taken from here. */
  readonly #leaving = new Map<string, ClientPod>();
  /** In the order of the registry's set. */
  #order: ClientPod[] = [];
  #picker: Picker<ClientPod> | undefined;
  #timer: Timer | undefined;
  #refreshTimer: Timer | undefined;
  /** Counts the sets; each Pod knows the last one that named it. */
  #generation = 0;
  readonly #rebuild: PickerRebuild;
  /** Where the policy uses one Pod at a time. */
  readonly #first: FirstPod | undefined;
  #closed = false;

  constructor(options: SideOptions) {
    this.mode = options.mode;
    this.#options = options;
    this.#rebuild = new PickerRebuild(
      options.env.clock,
      () => this.#buildPicker(),
      () => this.#order.length,
    );
    const { policy, env } = options;
    if (policy.order !== undefined) {
      const order = policy.order;
      this.#first = new FirstPod({
        clock: env.clock,
        pods: () => this.#order,
        order: () => order(this.#order, env.random, this.#zone),
      });
    }
    this.#shared = {
      ...options.shared,
      isDown: () => this.state !== 'ready',
      onState: (pod) => this.#onState(pod),
      onWeight: () => this.#rebuild.plan('later'),
      onRoom: (pod) => {
        if (pod.hasRoom && !this.#closed) options.onRoom(this);
      },
    };
  }

  get authority(): string {
    return this.#options.authority;
  }

  get #zone(): string | undefined {
    return this.#options.zone?.();
  }

  get policy(): Policy {
    return this.#options.policy;
  }

  /** What the policy goes by has changed. */
  refresh(): void {
    if (this.#closed) return;
    this.#first?.update();
    this.#rebuild.plan('now');
  }

  /** Pods in the set and those that drain. */
  get all(): ClientPod[] {
    return [...this.#order, ...this.#leaving.values()];
  }

  /** Takes a new set: keeps the Pods it knows, makes those that are new, drains those that left. */
  update(endpoints: readonly Endpoint[]): void {
    const before = this.#order;
    const order: ClientPod[] = [];
    const added: ClientPod[] = [];
    this.#generation += 1;
    // Nearly all stay, and in the same order: those are found without a look into the map.
    let at = 0;
    for (const endpoint of endpoints) {
      let pod = before[at];
      if (pod?.endpoint !== endpoint) {
        pod = this.pods.get(endpoint.id);
        if (pod !== undefined) while (at < before.length && before[at] !== pod) at += 1;
      }
      if (pod !== undefined) {
        at += 1;
        if (pod.endpoint !== endpoint) pod.update(endpoint);
      } else {
        pod = this.#add(endpoint);
        added.push(pod);
      }
      pod.generation = this.#generation;
      order.push(pod);
    }
    this.#order = order;
    for (const pod of before) if (pod.generation !== this.#generation) this.#drop(pod);
    if (endpoints.length === 0) this.state = 'empty';
    if (this.#first !== undefined) this.#first.update();
    else for (const pod of added) pod.connect();
    this.#rebuild.plan(this.state === 'ready' ? 'later' : 'now');
  }

  pick(info: PickInfo<ClientPod>): ClientPod | undefined {
    return this.warm ? this.#picker?.pick(info) : undefined;
  }

  /** The Pod that a call names, when that one takes it now. */
  pickNamed(id: string): ClientPod | undefined {
    const pod = this.pods.get(id);
    if (pod !== undefined) this.#first?.want(pod);
    return pod?.hasRoom ? pod : undefined;
  }

  /** A Pod for a call that avoids some: where one Pod is connected at a time, that may be one to connect to yet. */
  pickOther(info: PickInfo<ClientPod>): ClientPod | undefined {
    const pod = this.pick(info);
    if (pod === undefined || this.#first === undefined || !info.excluded?.has(pod)) return pod;
    return this.#first.wantOther(info.excluded) ? undefined : pod;
  }

  /** What starts a call of a method that has no headers of its own. */
  head(method: Method, host: string | undefined): StreamHead {
    const authority = host ?? this.#options.authority;
    let head = method.heads.get(authority);
    if (head === undefined) {
      const repeated = { path: method.path, authority, headers: this.#options.commonHeaders };
      head = { method: repeated, headers: NO_HEADERS, maxReceiveBytes: method.maxReceiveBytes };
      if (method.heads.size === MAX_AUTHORITIES) method.heads.clear();
      method.heads.set(authority, head);
    }
    return head;
  }

  /** New calls go elsewhere; those under way finish within the drain time. */
  drain(): void {
    if (this.#closed) return;
    this.#stop();
    for (const pod of this.#order) this.#leave(pod);
    this.#order = [];
    this.pods.clear();
  }

  close(reason: string): void {
    this.#stop();
    for (const pod of this.all) pod.close(reason);
    this.#leaving.clear();
  }

  #stop(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#refreshTimer?.cancel();
    this.#first?.stop();
    this.#shared.gate.close();
    this.#rebuild.close();
  }

  /** A new Pod, or one that left and has not gone yet. */
  #add(endpoint: Endpoint): ClientPod {
    const back = this.#leaving.get(endpoint.id);
    this.#leaving.delete(endpoint.id);
    const returns = back !== undefined && back.state === 'draining';
    const pod = returns ? back : new ClientPod(endpoint, this.#shared, this.#total);
    this.pods.set(endpoint.id, pod);
    if (returns) pod.update(endpoint);
    return pod;
  }

  #drop(pod: ClientPod): void {
    this.pods.delete(pod.id);
    this.#leave(pod);
  }

  #leave(pod: ClientPod): void {
    this.#leaving.set(pod.id, pod);
    pod.drain(this.#options.drainMs);
  }

  #onState(pod: ClientPod): void {
    if (pod.state === 'closed') this.#leaving.delete(pod.id);
    this.#options.onPod(pod);
    if (this.#closed) return;
    this.#first?.onState(pod);
    // A Pod that fails to connect again and again makes no difference to calls that others take.
    if (this.warm && pod.state !== 'ready' && !pod.picked) return;
    // Nor does one that fails once more where all of them do.
    if (this.state === 'failing' && pod.failing && pod.state !== 'ready' && pod.state !== 'idle') return;
    if (this.state !== 'ready') this.#rebuild.plan('now');
    else this.#rebuild.plan(pod.state === 'ready' ? 'soon' : 'later');
  }

  *#buildPicker(): Incremental<void> {
    const { policy, env } = this.#options;
    const { serving, ready, settled } = this.#look();
    this.#picker = yield* policy.build({
      pods: serving,
      ready,
      random: env.random,
      nowMs: () => env.clock.nowMs(),
      zone: this.#zone,
      previous: this.#picker,
    });
    this.#planRefresh();
    this.#warmUp(ready.length, settled || this.#first !== undefined);
    this.#options.onChange(this);
  }

  /** Looks at every Pod's state, and at that of all together. */
  #look(): { readonly serving: ClientPod[]; readonly ready: ClientPod[]; readonly settled: boolean } {
    const serving: ClientPod[] = [];
    const ready: ClientPod[] = [];
    let able = 0;
    let failed = 0;
    const current = this.#first?.current;
    for (const pod of this.#order) {
      const isReady = pod.state === 'ready';
      pod.picked = isReady;
      if (pod.endpoint.phase === 'serving') serving.push(pod);
      if (!canServe(pod.endpoint)) continue;
      able += 1;
      if (isReady && pod === current) ready.unshift(pod);
      else if (isReady) ready.push(pod);
      // One that is idle is not being tried, or not yet.
      else if (pod.failing && pod.state !== 'idle') failed += 1;
    }
    const before = this.state;
    if (ready.length > 0) this.state = 'ready';
    // Where no Pod can serve, one that can may come: that is waited for.
    else if (this.#order.length > 0) this.state = able > 0 && failed === able ? 'failing' : 'connecting';
    else if (this.state !== 'unknown') this.state = 'empty';
    if (before === 'ready' && this.state !== 'ready') for (const pod of this.#order) pod.hasten();
    return { serving, ready, settled: ready.length + failed === able };
  }

  /** For weights that change by themselves. */
  #planRefresh(): void {
    const { policy, env } = this.#options;
    this.#refreshTimer?.cancel();
    if (policy.refreshMs > 0 && !this.#closed)
      this.#refreshTimer = env.clock.after(policy.refreshMs, () => this.#rebuild.plan('later'));
  }

  #warmUp(ready: number, settled: boolean): void {
    if (ready === 0) {
      this.warm = false;
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    if (this.warm) return;
    if (settled) {
      this.#timer?.cancel();
      this.warm = true;
      return;
    }
    this.#timer ??= this.#options.env.clock.after(SPREAD_MS, () => {
      this.warm = true;
      this.#options.onChange(this);
    });
  }
}
