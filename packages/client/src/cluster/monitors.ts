import type { AttemptFacts, Monitor, PodControl } from '@podwire/balancer';
import type { Clock, Timer } from '@podwire/core';
import type { ClientPod } from '../pod/pod.ts';

/** Makes a monitor that looks at more of the Pods than a policy does; a `MonitorFactory` is one, too. */
export type ClientMonitorFactory = (control: PodControl<ClientPod>) => Monitor<ClientPod>;

/** Runs a cluster's monitors: passes events on to them, calls their ticks, and blocks or weighs Pods for them. */
export class Monitors {
  readonly #clock: Clock;
  #running: readonly RunningMonitor[];

  constructor(factories: readonly ClientMonitorFactory[], clock: Clock) {
    this.#clock = clock;
    this.#running = factories.map((factory) => new RunningMonitor(factory, clock));
  }

  /** Whether any of them looks at attempts. */
  get watchesAttempts(): boolean {
    return this.#running.some(
      ({ monitor }) => monitor.onAttemptStart !== undefined || monitor.onAttemptEnd !== undefined,
    );
  }

  onPods(pods: readonly ClientPod[]): void {
    const nowMs = this.#clock.nowMs();
    for (const { monitor } of this.#running) monitor.onPods?.(pods, nowMs);
  }

  onReady(pod: ClientPod): void {
    const nowMs = this.#clock.nowMs();
    for (const { monitor } of this.#running) monitor.onReady?.(pod, nowMs);
  }

  onAttemptStart(attempt: AttemptFacts<ClientPod>): void {
    for (const { monitor } of this.#running) monitor.onAttemptStart?.(attempt);
  }

  onAttemptEnd(attempt: AttemptFacts<ClientPod>): void {
    for (const { monitor } of this.#running) monitor.onAttemptEnd?.(attempt);
  }

  /** A Pod left for good. */
  forget(pod: ClientPod): void {
    for (const running of this.#running) running.forget(pod);
  }

  /** Takes back what the monitors did to these Pods, and ends them. Attempts that are open end without them. */
  close(pods: readonly ClientPod[]): void {
    const running = this.#running;
    this.#running = [];
    for (const one of running) one.close(pods);
  }
}

/** One monitor with its ticks. */
class RunningMonitor implements PodControl<ClientPod> {
  readonly monitor: Monitor<ClientPod>;
  readonly #clock: Clock;
  #tickAtMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #closed = false;
  /** By Pod, the reasons for which this monitor blocks it. */
  readonly #blocked = new Map<ClientPod, number>();

  constructor(factory: ClientMonitorFactory, clock: Clock) {
    this.#clock = clock;
    this.monitor = factory(this);
  }

  block(pod: ClientPod, why: number): void {
    if (this.#closed) return;
    this.#blocked.set(pod, (this.#blocked.get(pod) ?? 0) | why);
    pod.block(why);
  }

  unblock(pod: ClientPod, why: number): void {
    const left = (this.#blocked.get(pod) ?? 0) & ~why;
    if (left === 0) this.#blocked.delete(pod);
    else this.#blocked.set(pod, left);
    pod.unblock(why);
  }

  /** What a monitor never takes back would keep the Pod. */
  forget(pod: ClientPod): void {
    this.#blocked.delete(pod);
  }

  weigh(pod: ClientPod, factor: number): void {
    if (!this.#closed) pod.weigh(this, factor);
  }

  tickAt(atMs: number): void {
    if (this.#closed || atMs >= this.#tickAtMs) return;
    this.#timer?.cancel();
    this.#tickAtMs = atMs;
    this.#timer = this.#clock.after(Math.max(0, atMs - this.#clock.nowMs()), () => this.#tick());
  }

  close(pods: readonly ClientPod[]): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.monitor.close?.();
    for (const [pod, why] of this.#blocked) pod.unblock(why);
    this.#blocked.clear();
    for (const pod of pods) pod.weigh(this, 1);
  }

  #tick(): void {
    this.#tickAtMs = Number.POSITIVE_INFINITY;
    const nextMs = this.monitor.tick?.(this.#clock.nowMs());
    if (nextMs !== undefined) this.tickAt(nextMs);
  }
}
