import { type Metadata, status as Status } from '@grpc/grpc-js';
import { type Clock, InvalidInput, type Random } from '@podwire/core';
import type { StreamHead } from '@podwire/http2';
import type { WatchStatus } from '@podwire/registry';
import { Call } from '../call/call.ts';
import type { CallHost, Refusal } from '../call/host.ts';
import type { Method } from '../call/method.ts';
import { followParent, type ParentCall } from '../call/parent.ts';
import { TimerWheel } from '../call/timer-wheel.ts';
import type { Side } from '../cluster/cluster.ts';
import { whyNoPod, whyUnavailable } from '../cluster/unavailable.ts';
import { WaitQueue } from '../cluster/wait-queue.ts';
import type { Env } from '../env.ts';
import { authorityText, checkMethodPath } from '../options/check.ts';
import { hashOf } from '../options/hash-key.ts';
import type { Settings } from '../options/settings.ts';
import type { ClientPod } from '../pod/pod.ts';
import { ProcessRef } from '../process-ref.ts';
import { RetryThrottle } from '../retry/throttle.ts';

const SETTLED = Promise.resolve();
const CLOSED: Refusal = {
  code: Status.UNAVAILABLE,
  reason: 'CHANNEL_CLOSED',
  details: 'the channel was closed',
};
/** Methods whose settings are kept; more than a service has. */
const MAX_METHODS = 1_000;

/** Makes the calls of one channel and gives them Pods of the side in use. */
export class Dispatcher implements CallHost {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly throttle: RetryThrottle | undefined;
  readonly waitTimeoutMs: number;
  readonly maxWaitingCalls: number;
  readonly retryBytesPerCall: number;
  readonly retryBytesPerChannel: number;
  readonly compression: Settings['compression'];
  readonly secure: boolean;
  /** Also in the mode `mesh`: the call may be sent after a switch. */
  readonly needsHash: boolean;
  retryBytes = 0;
  /** Calls started and not ended. */
  openCalls = 0;
  /** Set by `close`. */
  closed = false;
  readonly processRef: ProcessRef = new ProcessRef();
  readonly queue: WaitQueue;
  readonly suspended: Set<Call> = new Set();
  readonly #callersMs: () => number;
  readonly #settings: Settings;
  readonly #registryStatus: () => WatchStatus | undefined;
  readonly #methods = new Map<string, Method>();
  #side: Side;
  #batch: Call[] = [];
  /** The other of two that take turns. */
  #emptyBatch: Call[] = [];
  #onIdle: (() => void) | undefined;

  constructor(
    service: string,
    settings: Settings,
    env: Env,
    side: Side,
    registryStatus: () => WatchStatus | undefined,
  ) {
    this.service = service;
    this.clock = env.clock;
    this.random = env.random;
    this.#callersMs = env.callersMs ?? (() => env.clock.wallMs());
    this.wheel = new TimerWheel(env.clock, env.afterPoll);
    this.throttle = settings.serviceConfig.throttle && new RetryThrottle(settings.serviceConfig.throttle);
    this.waitTimeoutMs = settings.waiting.timeoutMs;
    this.maxWaitingCalls = settings.waiting.maxCalls;
    this.retryBytesPerCall = settings.retryBuffer.perCallBytes;
    this.retryBytesPerChannel = settings.retryBuffer.perChannelBytes;
    this.compression = settings.compression;
    this.secure = settings.tls !== undefined;
    this.needsHash = settings.policy.needsHash;
    this.queue = new WaitQueue(this.maxWaitingCalls);
    this.#settings = settings;
    this.#side = side;
    this.#registryStatus = registryStatus;
  }

  get authority(): string {
    return this.#side.authority;
  }

  createCall(
    path: string,
    deadline: Date | number,
    host: string | null | undefined,
    parent: ParentCall | null,
    flags: number | null | undefined,
  ): Call {
    if (this.closed) throw new Error('Channel has been shut down');
    const wallMs = Number(deadline);
    if (Number.isNaN(wallMs))
      throw new InvalidInput('deadline', String(deadline), 'must be a Date, or milliseconds since 1970');
    const authority = host === null ? undefined : authorityText(host, 'host');
    const call = new Call(this, this.#method(path), this.#toClock(wallMs), authority);
    const { callCredentials } = this.#settings;
    if (callCredentials !== undefined) call.setCredentials(callCredentials);
    if (parent !== null && parent !== undefined) {
      const inherited = followParent(parent, flags, () =>
        call.cancelWithStatus(Status.CANCELLED, 'cancelled by the parent call'),
      );
      call.follow(inherited);
      call.deadlineMs = Math.min(call.deadlineMs, this.#toClock(inherited.deadlineMs));
    }
    return call;
  }

  /** New calls, and those that wait, go to another side. */
  use(side: Side): void {
    this.#side = side;
    this.queue.reconsider();
  }

  /** The side in use has other Pods, or they have other states. */
  onChange(side: Side): void {
    if (side !== this.#side) return;
    if (side.state === 'ready') this.queue.flush();
    else this.queue.reconsider();
  }

  onRoom(side: Side): void {
    if (side === this.#side) this.queue.flush();
  }

  /** A Pod cannot be connected to: calls that wait for this one have nothing to wait for. */
  onPodFailed(): void {
    this.queue.reconsiderSteered();
  }

  /** Takes no more calls; those of this turn are under way, and those that have no Pod get none. */
  close(): void {
    this.#beginBatch();
    this.closed = true;
    this.queue.reconsider();
    for (const call of [...this.suspended]) call.fail(CLOSED.code, CLOSED.reason, CLOSED.details);
  }

  /** Resolves when no call is open; at once when none is. */
  idle(): Promise<void> {
    if (this.openCalls === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  schedule(call: Call): void {
    // A promise is the cheapest microtask: `queueMicrotask` makes an async resource each time.
    if (this.#batch.push(call) === 1) void SETTLED.then(this.#beginBatch);
  }

  pick(call: Call): ClientPod | undefined {
    if (this.closed) return undefined;
    const { pod, exclude } = call.request;
    if (pod !== undefined) return this.#side.pickNamed(pod);
    return exclude === undefined ? this.#side.pick(call) : this.#side.pickOther(call);
  }

  podsById(ids: readonly string[]): Set<ClientPod> {
    return new Set(ids.map((id) => this.#side.pods.get(id)).filter((pod) => pod !== undefined));
  }

  hash(method: string, metadata: Metadata): number {
    return hashOf(this.#settings.hashKey, method, metadata, this.random);
  }

  refuse(call: Call): Refusal | undefined {
    if (this.closed) return CLOSED;
    return whyUnavailable(call, this.#side, this.#registryStatus());
  }

  wait(call: Call): boolean {
    return this.queue.add(call);
  }

  stopWaiting(call: Call): void {
    this.queue.remove(call);
  }

  waitingFor(call?: Call): string {
    return whyNoPod(this.service, this.#side, this.#registryStatus(), call?.request.pod);
  }

  head(method: Method, host: string | undefined): StreamHead {
    return this.#side.head(method, host);
  }

  onCallStart(): void {
    this.openCalls += 1;
    this.processRef.ref();
  }

  onCallEnd(): void {
    this.openCalls -= 1;
    this.processRef.unref();
    if (this.openCalls === 0) this.#onIdle?.();
  }

  readonly #beginBatch = (): void => {
    const batch = this.#batch;
    this.#batch = this.#emptyBatch;
    this.#emptyBatch = [];
    for (const call of batch) call.begin();
    batch.length = 0;
    this.#emptyBatch = batch;
  };

  /** From the wall clock of deadlines, as their caller sees it now, to the one that does not jump. */
  #toClock(wallMs: number): number {
    return wallMs === Number.POSITIVE_INFINITY ? wallMs : this.clock.nowMs() + wallMs - this.#callersMs();
  }

  #method(path: string): Method {
    let method = this.#methods.get(path);
    if (method === undefined) {
      checkMethodPath(path, 'method');
      const settings = this.#settings;
      const { retry, hedging, ...rest } = settings.serviceConfig.methodConfig(path);
      const retries = settings.retries ? { ...(retry && { retry }), ...(hedging && { hedging }) } : {};
      method = {
        path,
        config: { ...rest, ...retries },
        maxSendBytes: smaller(settings.maxSendBytes, rest.maxSendBytes),
        maxReceiveBytes: smaller(settings.maxReceiveBytes, rest.maxReceiveBytes),
        heads: new Map(),
      };
      // A gateway may see an unbounded number of method names.
      if (this.#methods.size === MAX_METHODS) this.#methods.clear();
      this.#methods.set(path, method);
    }
    return method;
  }
}

/** Of two limits of which -1 and undefined are none. */
function smaller(a: number, b: number | undefined): number {
  if (b === undefined || b < 0) return a;
  return a < 0 ? b : Math.min(a, b);
}
