import { Block, type PodControl } from '@podwire/balancer';
import type { Env } from '../env.ts';
import type { HealthStatus } from '../pod/health-status.ts';
import type { ClientPod } from '../pod/pod.ts';
import { FlapHold } from './flap-hold.ts';
import { decodeStatus } from './health-wire.ts';
import { PodWatch, type WatchListener, type WatchRequest } from './pod-watch.ts';

/**
 * How long a Pod may owe its first answer. Until then it takes no call at all, as gRFC A17 has it. Afterwards it counts as a Pod that is
 * not healthy, so that servers whose health service hangs are not an outage of all.
 */
const FIRST_ANSWER_MS = 3_000;

/** Where the health of Pods is told. */
export interface HealthListener {
  /** The Pod says something else than before. */
  onHealth(pod: ClientPod): void;
  /** The Pod owed its first word, and does not any more. */
  onAnswered(): void;
  /** The Pod's server has no health service. */
  onUnimplemented(pod: ClientPod): void;
}

/** Watches what one Pod says of its health, and blocks it while it does not say that it serves. */
export class PodHealth implements WatchListener {
  /** The service that the Pod is asked about. */
  readonly service: string;
  /** When to look again: an answer is late, or the Pod has served for long enough. */
  dueMs = Number.POSITIVE_INFINITY;
  readonly #pod: ClientPod;
  readonly #control: PodControl<ClientPod>;
  readonly #env: Env;
  readonly #listener: HealthListener;
  readonly #watch: PodWatch;
  #flaps = new FlapHold();
  #told: HealthStatus | undefined;

  constructor(
    pod: ClientPod,
    service: string,
    request: WatchRequest,
    env: Env,
    control: PodControl<ClientPod>,
    listener: HealthListener,
  ) {
    this.service = service;
    this.#pod = pod;
    this.#control = control;
    this.#env = env;
    this.#listener = listener;
    this.#watch = new PodWatch(pod, request, env, this);
  }

  /** The Pod is ready on a new connection, behind which another process may be. */
  begin(): void {
    this.#flaps = new FlapHold();
    this.#pod.health = 'UNKNOWN';
    this.#control.block(this.#pod, Block.UNANSWERED);
    this.#control.unblock(this.#pod, Block.UNHEALTHY);
    this.#lookIn(FIRST_ANSWER_MS);
    this.#watch.begin();
  }

  /** The Pod is not watched any more. */
  stop(): void {
    this.#watch.stop();
    this.#free();
    this.#pod.health = undefined;
  }

  /** It is due. */
  look(): void {
    this.dueMs = Number.POSITIVE_INFINITY;
    if (this.#pod.health === 'SERVING') return this.#free();
    this.#block();
  }

  onMessage(message: Buffer): void {
    const status = decodeStatus(message);
    const before = this.#pod.health;
    const nowMs = this.#env.clock.nowMs();
    this.#pod.health = status;
    if (status === 'SERVING') {
      const holdMs = this.#flaps.holdMs(nowMs);
      if (holdMs === 0) this.#free();
      else if (before !== 'SERVING') this.#lookIn(holdMs);
    } else {
      if (before === 'SERVING') this.#flaps.lost(nowMs);
      this.#block();
    }
    this.#tell();
  }

  onBroken(): void {
    this.#pod.health = 'UNKNOWN';
    this.#block();
    this.#tell();
  }

  onUnsupported(why: 'unimplemented' | 'no place'): void {
    this.#pod.health = why === 'unimplemented' ? 'UNIMPLEMENTED' : undefined;
    this.#free();
    if (why === 'unimplemented') this.#listener.onUnimplemented(this.#pod);
    this.#tell();
  }

  #free(): void {
    this.dueMs = Number.POSITIVE_INFINITY;
    this.#control.unblock(this.#pod, Block.UNHEALTHY);
    this.#answered();
  }

  #block(): void {
    this.dueMs = Number.POSITIVE_INFINITY;
    this.#control.block(this.#pod, Block.UNHEALTHY);
    this.#answered();
  }

  #answered(): void {
    if ((this.#pod.blocked & Block.UNANSWERED) === 0) return;
    this.#control.unblock(this.#pod, Block.UNANSWERED);
    this.#listener.onAnswered();
  }

  #lookIn(delayMs: number): void {
    this.dueMs = this.#env.clock.nowMs() + delayMs;
    this.#control.tickAt(this.dueMs);
  }

  #tell(): void {
    const { health } = this.#pod;
    if (health === this.#told) return;
    this.#told = health;
    this.#listener.onHealth(this.#pod);
  }
}
