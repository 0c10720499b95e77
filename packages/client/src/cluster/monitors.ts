import {
  type AttemptFacts,
  Block,
  type Monitor,
  type PodControl,
  type Policy,
  type Report,
} from '@podwire/balancer';
import type { Random, StallMeter, Timer } from '@podwire/core';
import type { Env } from '../env.ts';
import type { ClientPod, WatchedAttempt } from '../pod/pod.ts';
import { Overdue } from './overdue.ts';

/** The cluster, as its monitors know it. */
export interface MonitoredCluster {
  readonly env: Env;
  readonly policy: Policy;
  readonly stalls: StallMeter;
  report(report: Report): void;
}

/** Makes a monitor that looks at more of the Pods than a policy does; a `MonitorFactory` is one, too. */
export type ClientMonitorFactory = (control: PodControl<ClientPod>) => Monitor<ClientPod>;

/** Runs a cluster's monitors: passes events on to them, calls their ticks, and blocks or weighs Pods for them. */
export class Monitors {
  readonly #cluster: MonitoredCluster;
  readonly #overdue: Overdue;
  #running: readonly RunningMonitor[];
  /** Those that look at attempts: most monitors do not, and an attempt passes by these alone. */
  #ofStarts: readonly Monitor<ClientPod>[] = [];
  #ofEnds: readonly Monitor<ClientPod>[] = [];

  constructor(factories: readonly ClientMonitorFactory[], cluster: MonitoredCluster) {
    this.#cluster = cluster;
    this.#overdue = new Overdue({
      env: cluster.env,
      stalledMs: (nowMs) => cluster.stalls.at(nowMs),
      onOverdue: (attempt, nowMs) => this.#onOverdue(attempt, nowMs),
    });
    this.#running = factories.map(
      (factory) => new RunningMonitor(factory, cluster, (pod) => this.#onReturn(pod)),
    );
  }

  /** Whether any of them looks at attempts. */
  get watchesAttempts(): boolean {
    return this.#ofStarts.length + this.#ofEnds.length > 0;
  }

  onPods(pods: readonly ClientPod[]): void {
    const nowMs = this.#cluster.env.clock.nowMs();
    for (const { monitor } of this.#running) monitor.onPods?.(pods, nowMs);
    const monitors = this.#running.map(({ monitor }) => monitor);
    this.#ofStarts = monitors.filter(({ onAttemptStart }) => onAttemptStart !== undefined);
    this.#ofEnds = monitors.filter(({ onAttemptEnd }) => onAttemptEnd !== undefined);
  }

  onReady(pod: ClientPod): void {
    const nowMs = this.#cluster.env.clock.nowMs();
    for (const { monitor } of this.#running) monitor.onReady?.(pod, nowMs);
  }

  onAttemptStart(attempt: WatchedAttempt): void {
    this.#overdue.add(attempt);
    for (const monitor of this.#ofStarts) monitor.onAttemptStart?.(attempt);
  }

  onAttemptEnd(attempt: WatchedAttempt): void {
    this.#overdue.remove(attempt);
    for (const monitor of this.#ofEnds) monitor.onAttemptEnd?.(attempt);
  }

  /** A Pod left for good. */
  forget(pod: ClientPod): void {
    for (const running of this.#running) running.forget(pod);
  }

  /** Takes back what the monitors did to these Pods, and ends them. Attempts that are open end without them. */
  close(pods: readonly ClientPod[]): void {
    const running = this.#running;
    this.#overdue.close();
    this.#running = [];
    this.#ofStarts = [];
    this.#ofEnds = [];
    for (const one of running) one.close(pods);
  }

  #onReturn(pod: ClientPod): void {
    const nowMs = this.#cluster.env.clock.nowMs();
    for (const { monitor } of this.#running) monitor.onReturn?.(pod, nowMs);
  }

  #onOverdue(attempt: AttemptFacts<ClientPod>, nowMs: number): void {
    for (const { monitor } of this.#running) monitor.onOverdue?.(attempt, nowMs);
  }
}

/** One monitor with its ticks. */
class RunningMonitor implements PodControl<ClientPod> {
  readonly monitor: Monitor<ClientPod>;
  readonly #cluster: MonitoredCluster;
  #tickAtMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #closed = false;
  #ramps = false;
  readonly #onReturn: (pod: ClientPod) => void;
  /** By Pod, the reasons for which this monitor blocks it. */
  readonly #blocked = new Map<ClientPod, number>();

  constructor(factory: ClientMonitorFactory, cluster: MonitoredCluster, onReturn: (pod: ClientPod) => void) {
    this.#cluster = cluster;
    this.#onReturn = onReturn;
    this.monitor = factory(this);
  }

  get random(): Random {
    return this.#cluster.env.random;
  }

  get usesKeys(): boolean {
    return this.#cluster.policy.needsHash;
  }

  get ejectsNone(): boolean {
    return this.#cluster.policy.order !== undefined;
  }

  report(report: Report): void {
    if (!this.#closed) this.#cluster.report(report);
  }

  probe(pod: ClientPod, isOpen: boolean): void {
    if (!this.#closed) pod.probe(isOpen);
  }

  ping(pod: ClientPod, answered: () => void): void {
    pod.connections.ping(() => this.#closed || answered());
  }

  block(pod: ClientPod, why: number): void {
    if (this.#closed) return;
    this.#blocked.set(pod, (this.#blocked.get(pod) ?? 0) | why);
    pod.block(why);
  }

  unblock(pod: ClientPod, why: number): void {
    const before = this.#blocked.get(pod) ?? 0;
    const left = before & ~why;
    if (left === 0) this.#blocked.delete(pod);
    else this.#blocked.set(pod, left);
    pod.unblock(why);
    if (!this.#closed && (before & why & Block.EJECTED) !== 0) this.#onReturn(pod);
  }

  /** What a monitor never takes back would keep the Pod. */
  forget(pod: ClientPod): void {
    this.#blocked.delete(pod);
  }

  weigh(pod: ClientPod, factor: number): void {
    if (!this.#closed) pod.weigh(this, factor);
  }

  ramp(pod: ClientPod, part: number): void {
    if (this.#closed) return;
    this.#ramps = true;
    pod.setRamp(part);
  }

  tickAt(atMs: number): void {
    if (this.#closed || atMs >= this.#tickAtMs) return;
    this.#timer?.cancel();
    this.#tickAtMs = atMs;
    const { clock } = this.#cluster.env;
    this.#timer = clock.after(Math.max(0, atMs - clock.nowMs()), () => this.#tick());
  }

  close(pods: readonly ClientPod[]): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.monitor.close?.();
    for (const [pod, why] of this.#blocked) {
      pod.probe(false);
      pod.unblock(why);
    }
    this.#blocked.clear();
    for (const pod of pods) {
      pod.weigh(this, 1);
      if (this.#ramps) pod.setRamp(1);
    }
  }

  #tick(): void {
    this.#tickAtMs = Number.POSITIVE_INFINITY;
    const nextMs = this.monitor.tick?.(this.#cluster.env.clock.nowMs());
    if (nextMs !== undefined) this.tickAt(nextMs);
  }
}
