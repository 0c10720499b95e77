import type { Monitor, PodControl } from '@podwire/balancer';
import type { ClientPod } from '../pod/pod.ts';
import { encodeRequest, HEALTH_PATH } from './health-wire.ts';
import { type HealthListener, PodHealth } from './pod-health.ts';
import type { WatchRequest } from './pod-watch.ts';
import type { WatchingCluster } from './watching-cluster.ts';

/** The attribute by which a Pod asks to be watched: the name that its health service knows it by; `''` is the whole server. */
const SERVICE_ATTRIBUTE = 'health.service';

/** The option `health`, or the service config's name where the option is not given: a service's name, or `false` to watch none. */
export type HealthOption = string | false | undefined;

/** The cluster whose Pods are asked for their health. */
export interface WatchedCluster extends WatchingCluster, Pick<HealthListener, 'onHealth' | 'onAnswered'> {
  /** The option now, or `false` where the policy uses one Pod at a time: `pick_first` watches no health (gRFC A17). */
  health(): HealthOption;
}

/** Watches the health of a cluster's Pods (gRFC A17). A Pod takes calls once it has said that it serves, and until it says otherwise. */
export class HealthMonitor implements Monitor<ClientPod> {
  readonly name = 'health';
  readonly #control: PodControl<ClientPod>;
  readonly #cluster: WatchedCluster;
  readonly #watched = new Map<ClientPod, PodHealth>();
  /** By the name of the service. All Pods have the same, as a rule. */
  readonly #requests = new Map<string, WatchRequest>();
  #hasWarned = false;

  constructor(control: PodControl<ClientPod>, cluster: WatchedCluster) {
    this.#control = control;
    this.#cluster = cluster;
  }

  onPods(pods: readonly ClientPod[]): void {
    const option = this.#cluster.health();
    if (this.#watched.size > 0) this.#forgetOthers(new Set(pods));
    for (const pod of pods) {
      const service = option ?? pod.endpoint.attributes[SERVICE_ATTRIBUTE];
      const there = this.#watched.get(pod);
      if (there === undefined && typeof service !== 'string') continue;
      if (there?.service === service) continue;
      if (there !== undefined) this.#forget(pod, there);
      if (typeof service === 'string') this.#watch(pod, service);
    }
  }

  onReady(pod: ClientPod): void {
    this.#watched.get(pod)?.begin();
  }

  tick(nowMs: number): number | undefined {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const health of this.#watched.values()) {
      if (health.dueMs <= nowMs) health.look();
      nextMs = Math.min(nextMs, health.dueMs);
    }
    return Number.isFinite(nextMs) ? nextMs : undefined;
  }

  close(): void {
    for (const [pod, health] of this.#watched) this.#forget(pod, health);
  }

  #watch(pod: ClientPod, service: string): void {
    const { env, head, callCredentials: credentials, onHealth, onAnswered } = this.#cluster;
    let request = this.#requests.get(service);
    if (request === undefined) {
      const method = { path: HEALTH_PATH, ...head };
      request = { method, message: encodeRequest(service), credentials };
      this.#requests.set(service, request);
    }
    const listener = { onHealth, onAnswered, onUnimplemented: (from: ClientPod) => this.#warn(from) };
    const health = new PodHealth(pod, service, request, env, this.#control, listener);
    this.#watched.set(pod, health);
    if (pod.state === 'ready') health.begin();
  }

  #forget(pod: ClientPod, health: PodHealth): void {
    this.#watched.delete(pod);
    health.stop();
  }

  #forgetOthers(pods: ReadonlySet<ClientPod>): void {
    for (const [pod, health] of this.#watched) if (!pods.has(pod)) this.#forget(pod, health);
  }

  #warn({ id }: ClientPod): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(
      `${id} has no health service (grpc.health.v1.Health), so that its health cannot be watched: it counts as healthy, as do all others of its kind.`,
      { code: 'PODWIRE_NO_HEALTH' },
    );
  }
}
