import type { Monitor, PodControl } from './monitor.ts';
import type { Pod } from './pod.ts';

/** How Pods that are new get their share of the calls. */
export interface SlowStartOptions {
  /** How long it takes, in milliseconds. */
  readonly windowMs: number;
  /** 1 raises the share evenly; more raises it faster at first, less more slowly. Above 0. */
  readonly aggression: number;
  /** The share that a Pod begins with, in percent. */
  readonly minWeightPercent: number;
}

/** In so many steps a share is raised, unless they would be shorter or longer than these. */
const STEPS = 50;
const LEAST_STEP_MS = 100;
const MOST_STEP_MS = 1_000;

/**
 * Raises the share of a Pod that joins a set which already serves, or that returns from ejection, by Envoy's formula
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start). A client's first set is not
 * new: the client is. While no other Pod is there, and where keys or an order decide, nothing is held back.
 */
export class SlowStart<P extends Pod> implements Monitor<P> {
  readonly name = 'slow start';
  readonly #control: PodControl<P>;
  readonly #options: SlowStartOptions;
  #pods: ReadonlySet<P> = new Set();
  /** Pods that joined the set while it served, and were not connected since. */
  readonly #joined = new Set<P>();
  /** Since when Pods are new. */
  readonly #sinceMs = new Map<P, number>();

  constructor(control: PodControl<P>, options: SlowStartOptions) {
    this.#control = control;
    this.#options = options;
  }

  onPods(pods: readonly P[], nowMs: number): void {
    const before = this.#pods;
    this.#pods = new Set(pods);
    const serves = some(before, (pod) => pod.isConnected);
    for (const pod of pods) if (serves && !before.has(pod)) this.#joined.add(pod);
    for (const pod of before) if (!this.#pods.has(pod)) this.#forget(pod);
    if (this.#sinceMs.size > 0) this.#raise(nowMs);
  }

  onReady(pod: P, nowMs: number): void {
    if (this.#joined.delete(pod)) this.#begin(pod, nowMs);
  }

  onReturn(pod: P, nowMs: number): void {
    if (this.#pods.has(pod)) this.#begin(pod, nowMs);
  }

  tick(nowMs: number): number | undefined {
    this.#raise(nowMs);
    return this.#sinceMs.size === 0 ? undefined : nowMs + this.#stepMs;
  }

  get #stepMs(): number {
    return Math.min(Math.max(this.#options.windowMs / STEPS, LEAST_STEP_MS), MOST_STEP_MS);
  }

  #begin(pod: P, nowMs: number): void {
    this.#sinceMs.set(pod, nowMs);
    this.#raise(nowMs);
    this.#control.tickAt(nowMs + this.#stepMs);
  }

  #forget(pod: P): void {
    this.#joined.delete(pod);
    if (this.#sinceMs.delete(pod)) this.#control.ramp(pod, 1);
  }

  #raise(nowMs: number): void {
    const { windowMs } = this.#options;
    for (const [pod, sinceMs] of this.#sinceMs) {
      if (nowMs - sinceMs < windowMs) continue;
      this.#sinceMs.delete(pod);
      this.#control.ramp(pod, 1);
    }
    const holdsBack = !this.#control.usesKeys && !this.#control.ejectsNone && this.#hasOthers();
    for (const [pod, sinceMs] of this.#sinceMs)
      this.#control.ramp(pod, holdsBack ? this.#share(nowMs - sinceMs) : 1);
  }

  /** Envoy's formula, whose time is 1 ms at least. */
  #share(ageMs: number): number {
    const { windowMs, aggression, minWeightPercent } = this.#options;
    const age = Math.min(Math.max(ageMs, 1) / windowMs, 1);
    return Math.max(age ** (1 / aggression), minWeightPercent / 100);
  }

  /** Whether a Pod that is not new is there for the calls that new ones do not get. */
  #hasOthers(): boolean {
    return some(this.#pods, (pod) => pod.isConnected && pod.weight > 0 && !this.#sinceMs.has(pod));
  }
}

function some<T>(values: Iterable<T>, test: (value: T) => boolean): boolean {
  for (const value of values) if (test(value)) return true;
  return false;
}
