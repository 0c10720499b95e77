import { canServe } from '@podwire/balancer';
import type { Clock, Timer } from '@podwire/core';
import type { ClientPod } from '../pod/pod.ts';
import type { PodState } from '../pod/state.ts';

/** How long an attempt has before the next Pod is tried beside it: gRFC A61 and RFC 8305 §8. */
const ATTEMPT_DELAY_MS = 250;
/** How long a Pod keeps its connection after the last call that named it, or that needed it because it excluded the Pod in use. */
const ASIDE_MS = 60_000;

/** The cluster, as far as FirstPod needs it. */
export interface FirstPodOptions {
  readonly clock: Clock;
  /** All Pods of the set. */
  pods(): readonly ClientPod[];
  /** The Pods that can serve, in the order in which to try them. */
  order(): ClientPod[];
}

/**
 * For a policy that uses one Pod: tries one Pod after another until one is connected, and disconnects all others (gRFC A62, with
 * the attempts of A61). It stays with that Pod until the Pod drains, gets weight 0, leaves or cannot be connected to. Pods that
 * single calls ask for are connected to in addition.
 */
export class FirstPod {
  /** The Pod in use. */
  current: ClientPod | undefined;
  readonly #options: FirstPodOptions;
  /** Pods to try while none is in use; those before `#at` were tried. */
  #list: ClientPod[] = [];
  #at = 0;
  /** Runs until the next attempt may start beside the newest one. */
  #timer: Timer | undefined;
  #trying = false;
  /** Pods that are connected besides the one in use, and when a call last asked for each. */
  readonly #aside = new Map<ClientPod, number>();
  #sweep: Timer | undefined;

  constructor(options: FirstPodOptions) {
    this.#options = options;
  }

  /** The set changed. */
  update(): void {
    if (this.current === undefined || !isUsable(this.current)) this.#begin(this.current);
  }

  onState(pod: ClientPod): void {
    if (pod.state === 'draining' || pod.state === 'closed') this.#aside.delete(pod);
    if (pod === this.current) {
      if (!isUsable(pod)) this.#begin(pod);
    } else if (this.current !== undefined) {
      // Two attempts succeeded in one turn.
      if (pod.state === 'ready' && !this.#aside.has(pod)) pod.rest();
    } else if (isUsable(pod)) this.#use(pod);
    else if (pod.state === 'backoff') this.#tryNext();
  }

  /** A call names this Pod. */
  want(pod: ClientPod): void {
    if (pod === this.current || pod.endpoint.phase !== 'serving') return;
    const { clock } = this.#options;
    this.#aside.set(pod, clock.nowMs());
    this.#sweep ??= clock.after(ASIDE_MS, () => this.#restAside());
    pod.connect();
  }

  /** A call excludes these Pods: connects to another one. False when no other Pod is worth waiting for. */
  wantOther(excluded: ReadonlySet<ClientPod>): boolean {
    const others = this.#options.order().filter((pod) => !excluded.has(pod));
    const begun = others.find(
      ({ state, failing }) => state === 'ready' || (state === 'connecting' && !failing),
    );
    if (begun !== undefined) {
      this.want(begun);
      return true;
    }
    return others.some((pod) => {
      if (pod.state !== 'idle') return false;
      this.want(pod);
      // A Pod that failed a moment ago waits. A Pod that another cluster has connected is ready at once.
      const { state } = pod as { state: PodState };
      return state === 'connecting' || state === 'ready';
    });
  }

  /** The Pod in use is suspect: another one is connected, which takes the calls until this one is heard again or gone. */
  onDoubt(pod: ClientPod): void {
    if (pod === this.current) this.wantOther(new Set([pod]));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#sweep?.cancel();
    this.#aside.clear();
  }

  /** Tries all Pods, beginning with the one that was in use: its connection may have been closed only because of its age. */
  #begin(before: ClientPod | undefined): void {
    this.current = undefined;
    const list = this.#options.order();
    const ready = list.find(isUsable);
    if (ready !== undefined) return this.#use(ready);
    const at = before === undefined ? -1 : list.indexOf(before);
    if (at > 0) list.unshift(...list.splice(at, 1));
    this.#list = list;
    this.#at = 0;
    const isUnderWay = list.some(({ state, failing }) => state === 'connecting' && !failing);
    if (!isUnderWay) this.#tryNext();
    else if (this.#timer === undefined) this.#arm();
  }

  /** Begins the next attempt. A Pod repeats its failed attempts by itself. */
  #tryNext(): void {
    if (this.#trying) return;
    this.#trying = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (let isBegun = false; !isBegun && this.#at < this.#list.length; this.#at++) {
      const pod = this.#list[this.#at]!;
      if (pod.state !== 'idle' && pod.state !== 'draining') continue;
      pod.connect();
      // A Pod that failed a moment ago waits.
      isBegun = (pod.state as PodState) === 'connecting';
      if (isBegun) this.#arm();
    }
    this.#trying = false;
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(ATTEMPT_DELAY_MS, () => this.#tryNext());
  }

  #use(pod: ClientPod): void {
    this.current = pod;
    this.#aside.delete(pod);
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#list = [];
    for (const other of this.#options.pods()) if (other !== pod && !this.#aside.has(other)) other.rest();
  }

  #restAside(): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    this.#sweep = undefined;
    for (const [pod, askedMs] of this.#aside) {
      if (pod.load.inFlight > 0 || nowMs - askedMs < ASIDE_MS) continue;
      this.#aside.delete(pod);
      if (this.current !== undefined) pod.rest();
    }
    if (this.#aside.size > 0) this.#sweep = clock.after(ASIDE_MS, () => this.#restAside());
  }
}

function isUsable(pod: ClientPod): boolean {
  return pod.state === 'ready' && canServe(pod.endpoint);
}
