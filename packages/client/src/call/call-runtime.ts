import type { CallCredentials } from '@grpc/grpc-js';
import { type Clock, type Random, type StallMeter, stallsOf } from '@podwire/core';
import { WaitLimit } from '../cluster/wait-queue.ts';
import type { Env } from '../env.ts';
import type { Observer } from '../observe/observer.ts';
import type { HashKeyOption } from '../options/hash-key.ts';
import { isSame } from '../options/same.ts';
import type { Settings } from '../options/settings.ts';
import { ProcessRef } from '../process-ref.ts';
import { RetryBudget } from '../retry/budget.ts';
import { RetryThrottle } from '../retry/throttle.ts';
import type { Planner } from './call-plan.ts';
import { TimerWheel } from './timer-wheel.ts';

function budgetOf({ retryBudget, serviceConfig }: Settings): RetryBudget | undefined {
  const stands = retryBudget !== undefined && serviceConfig.throttle === undefined;
  return stands ? new RetryBudget(retryBudget) : undefined;
}

const SETTLED = Promise.resolve();

/** A call that begins with its batch. */
export interface Scheduled {
  /** `scheduled` until it has begun. */
  readonly phase: string;
  begin(): void;
}

/** A call that has neither an attempt nor a place in a queue: it waits for credentials, or for its next attempt. */
export interface Suspended {
  /** The channel closes. */
  onChannelClosed(): void;
}

/** The parts of a runtime. */
export interface CallRuntimeOptions {
  readonly service: string;
  readonly target: string;
  readonly settings: Settings;
  readonly env: Env;
  readonly planner: Planner;
  readonly observer: Observer | undefined;
}

/** The state and services that all calls of one channel share. */
export class CallRuntime {
  /** The service's name in errors. */
  readonly service: string;
  /** The channel's target, as it was given. */
  readonly target: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds since 1970 by the clock that callers make deadlines with. */
  readonly callersMs: () => number;
  readonly wheel: TimerWheel;
  readonly #stalls: StallMeter;
  /** Undefined if no observer looks at calls: then a call costs one comparison. */
  readonly observer: Observer | undefined;
  readonly planner: Planner;
  readonly processRef: ProcessRef = new ProcessRef();
  /** Calls that wait for a Pod, over all clusters. */
  readonly waitLimit: WaitLimit;
  readonly suspended: Set<Suspended> = new Set();
  /** Whether connections are encrypted, so that call credentials may travel. */
  readonly secure: boolean;
  readonly callCredentials: CallCredentials | undefined;
  throttle: RetryThrottle | undefined;
  /** Whether any method has a retry or hedging policy. */
  hasRetries: boolean;
  /** Undefined with a throttle, which stands in its place, or if it was turned off. */
  budget: RetryBudget | undefined;
  /** How long a call waits for a Pod, unless it waits for ready. */
  waitTimeoutMs: number;
  /** The most bytes that one call, and all calls together, may keep for another attempt. */
  readonly retryBytesPerCall: number;
  readonly retryBytesPerChannel: number;
  readonly compression: Settings['compression'];
  hashKey: HashKeyOption | undefined;
  /** The most attempts in flight; 0 is no limit. */
  #maxHeld = 0;
  #held = 0;
  /** There is room again under that limit. */
  onRoom: (() => void) | undefined;
  /** Bytes kept now, over all calls. */
  retryBytes = 0;
  /** Calls started and not ended. */
  openCalls = 0;
  /** Whether the channel is closing: it takes no new calls, and retries none. */
  closed = false;
  #batch: Scheduled[] = [];
  /** The spare list: the two alternate. */
  #emptyBatch: Scheduled[] = [];
  #onIdle: (() => void) | undefined;

  constructor({ service, target, settings, env, planner, observer }: CallRuntimeOptions) {
    this.service = service;
    this.target = target;
    this.planner = planner;
    this.clock = env.clock;
    this.random = env.random;
    this.observer = observer?.onCall === undefined ? undefined : observer;
    this.callersMs = env.callersMs ?? (() => env.clock.wallMs());
    this.#stalls = stallsOf(env.clock);
    this.wheel = new TimerWheel(env.clock, env.afterPoll);
    this.waitLimit = new WaitLimit(settings.waiting.maxCalls);
    this.secure = settings.tls !== undefined;
    this.callCredentials = settings.callCredentials;
    this.retryBytesPerCall = settings.retryBuffer.perCallBytes;
    this.retryBytesPerChannel = settings.retryBuffer.perChannelBytes;
    const { throttle } = settings.serviceConfig;
    this.throttle = throttle && new RetryThrottle(throttle);
    this.budget = budgetOf(settings);
    this.hasRetries = settings.retries && settings.serviceConfig.hasRetries;
    this.#limit(settings);
    this.waitTimeoutMs = settings.waiting.timeoutMs;
    this.compression = settings.compression;
    this.hashKey = settings.hashKey;
  }

  /** Takes new settings for calls that begin from now on. The time limit of a call that waits stays. */
  configure(settings: Settings): void {
    const { waiting, hashKey } = settings;
    const { throttle } = settings.serviceConfig;
    const { budget } = this;
    this.hasRetries = settings.retries && settings.serviceConfig.hasRetries;
    this.#limit(settings);
    this.budget = budgetOf(settings);
    // The budget keeps its counts, unless its settings changed.
    if (budget !== undefined && isSame(budget.options, this.budget?.options)) this.budget = budget;
    // The throttle keeps its count, unless its settings changed.
    if (throttle === undefined) this.throttle = undefined;
    else if (this.throttle?.has(throttle) !== true) this.throttle = new RetryThrottle(throttle);
    this.waitTimeoutMs = waiting.timeoutMs;
    this.waitLimit.maxCalls = waiting.maxCalls;
    this.hashKey = hashKey;
  }

  /** Begins the call at the end of this turn of the event loop, together with all others started in it. */
  schedule(call: Scheduled): void {
    // A promise is the cheapest microtask: `queueMicrotask` makes an async resource each time.
    if (this.#batch.push(call) === 1) void SETTLED.then(this.#beginBatch);
  }

  /** Milliseconds that this process did not run while calls were open. */
  get stalledMs(): number {
    return this.#stalls.at(this.clock.nowMs());
  }

  /** Whether as many attempts are in flight as the limit allows. */
  isFull = false;
  /** Whether attempts are counted for a limit. One that was sent before is not. */
  hasLimits = false;

  /** An attempt was sent. For each, one `letGo` follows. */
  hold(): void {
    this.#held += 1;
    this.#lookFull();
  }

  /** An attempt ended, or delivered its first message. */
  letGo(): void {
    const wasFull = this.isFull;
    this.#held -= 1;
    this.#lookFull();
    if (wasFull && !this.isFull) this.onRoom?.();
  }

  #lookFull(): void {
    this.isFull = this.#maxHeld > 0 && this.#held >= this.#maxHeld;
  }

  #limit({ limits }: Settings): void {
    this.#maxHeld = limits.perService;
    this.hasLimits = limits.perService > 0 || limits.perPod > 0;
    this.#lookFull();
  }

  /** Whether a further attempt at a call may be made now, by the throttle or the budget. Takes it from the budget. */
  mayRetry(): boolean {
    if (this.throttle !== undefined) return this.throttle.allowed;
    return this.budget === undefined || this.budget.take(this.clock.nowMs());
  }

  onCallStart(startedMs: number): void {
    this.budget?.onCall(startedMs);
    this.openCalls += 1;
    if (this.openCalls === 1) this.#stalls.watch();
    this.processRef.ref();
  }

  onCallEnd(): void {
    this.openCalls -= 1;
    this.processRef.unref();
    if (this.openCalls > 0) return;
    this.#stalls.unwatch();
    if (this.closed) this.#stalls.rest();
    this.#onIdle?.();
  }

  /** Takes no more calls. Begins the calls of this turn, and ends those that are suspended. */
  close(): void {
    this.#beginBatch();
    this.closed = true;
    this.#stalls.rest();
    for (const call of [...this.suspended]) call.onChannelClosed();
  }

  /** Resolves when no call is open; at once when none is. */
  idle(): Promise<void> {
    if (this.openCalls === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  readonly #beginBatch = (): void => {
    const batch = this.#batch;
    this.#batch = this.#emptyBatch;
    this.#emptyBatch = [];
    // A unary call has already begun, when it was whole.
    for (const call of batch) if (call.phase === 'scheduled') call.begin();
    batch.length = 0;
    this.#emptyBatch = batch;
  };
}
