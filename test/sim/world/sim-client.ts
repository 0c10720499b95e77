import type { Socket } from 'node:net';
import type { AttemptFacts } from '@podwire/balancer';
import type { EndpointSet } from '@podwire/registry';
import { Channel } from '../../../packages/client/src/channel/channel.ts';
import type { Env } from '../../../packages/client/src/env.ts';
import type { CallTrace, Observer } from '../../../packages/client/src/observe/observer.ts';
import type { ChannelOptions } from '../../../packages/client/src/options/channel-options.ts';
import { parseOptions } from '../../../packages/client/src/options/settings.ts';
import { seededRandom } from '../dice.ts';
import { type Engine, Phase } from '../engine.ts';
import type { ClientFacts, Counts } from '../history.ts';
import type { ClientPlan } from './plan.ts';

/** The world, as a client needs it. */
export interface ClientWorld {
  readonly engine: Engine;
  readonly seed: number;
  readonly registries: ChannelOptions['registries'];
  readonly target: string;
  connect(client: string, address: string): Socket;
  note(what: object): void;
  /** Open connections by Pod, as the client's kernel has them. */
  connections(pod: string): number;
}

export const MESH = '10.254.0.1:50051';
const RETRY = {
  maxAttempts: 3,
  initialBackoff: '0.02s',
  maxBackoff: '0.2s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE', 'INTERNAL', 'UNKNOWN', 'DATA_LOSS'],
};
/** podwire's own, unless the service config throttles retries. */
const BUDGET = { percent: 20, minPerSecond: 1, windowMs: 10_000 };
const HEDGING = { maxAttempts: 3, hedgingDelay: '0.05s', nonFatalStatusCodes: ['UNAVAILABLE', 'INTERNAL'] };

/** One channel of podwire in the simulated world, which writes down what it does. */
export class SimClient {
  readonly plan: ClientPlan;
  readonly channel: Channel;
  readonly #world: ClientWorld;
  /** Calls that were started and have not ended. */
  open = 0;
  /** Attempts in flight, and ever, of each Pod that is not closed. A Pod that came back is another one. */
  readonly #attempts = new Map<object, { readonly id: string; open: number; ever: number }>();
  /** Pods of the mode before, which no snapshot tells of. */
  readonly #retired = new WeakSet<object>();
  /** By address, the Pod that was seen last to begin. */
  readonly #newest = new Map<string, object>();
  /** The call that is being started, for the observer. */
  #starting = -1;

  constructor(plan: ClientPlan, world: ClientWorld) {
    this.plan = plan;
    this.#world = world;
    const { engine } = world;
    const soon = (fn: () => void) => engine.inClient(Phase.CHECK, 0, fn);
    const env: Env = {
      clock: engine.clientClock,
      random: seededRandom(world.seed, plan.name),
      afterPoll: soon,
      connect: ({ host, port }) => world.connect(plan.name, `${host}:${port}`),
    };
    this.channel = new Channel(
      world.target,
      parseOptions(optionsOf(plan, world)),
      env,
      {},
      {
        observers: [this.#observer()],
      },
    );
    world.note({ is: 'client', ...factsOf(plan) });
    this.#follow();
  }

  /** Starts a call within `fn`, so that what is observed of it has its number. */
  starting(call: number, fn: () => void): void {
    this.#starting = call;
    fn();
    this.#starting = -1;
  }

  setMode(mode: 'direct' | 'mesh'): void {
    if (this.plan.hasMesh) this.channel.setMode(mode).catch(() => {});
  }

  /** What the snapshot says, and what is so. */
  count(): void {
    const { calls, pods } = this.channel.snapshot();
    const told: Record<string, readonly [number, number, number]> = {};
    const truth: Record<string, readonly [number, number, number]> = {};
    for (const { id, inFlight, calls: ever, connections } of pods) {
      const before = told[id] ?? [0, 0, 0];
      told[id] = [before[0] + inFlight, before[1] + ever, connections];
      truth[id] = [0, 0, this.#world.connections(id)];
    }
    for (const { id, open, ever } of this.#attempts.values()) {
      const before = truth[id];
      if (before !== undefined) truth[id] = [before[0] + open, before[1] + ever, before[2]];
    }
    const counts = (open: number, waiting: number, by: Counts['pods']): Counts => ({
      open,
      waiting,
      pods: by,
    });
    this.#world.note({
      is: 'counts',
      client: this.plan.name,
      told: counts(calls.open, calls.waiting, told),
      true: counts(this.open, calls.waiting, truth),
    });
  }

  #observer(): Observer {
    const { name: client } = this.plan;
    const note = (what: object) => this.#world.note(what);
    return {
      onCall: (): CallTrace => {
        const call = this.#starting;
        return {
          onAttempt: ({ isHedge }) => ({
            onStart: ({ pod }: AttemptFacts) => {
              const seen = this.#of(pod);
              seen.open += 1;
              seen.ever += 1;
              note({ is: 'attempt', client, call, pod: pod.id, ...(isHedge && { isHedge }) });
            },
            onEnd: (code, _endedMs, sent) => {
              if (sent === undefined) return;
              this.#of(sent.pod).open -= 1;
              note({ is: 'attemptEnd', client, call, pod: sent.pod.id, code });
            },
          }),
        };
      },
      onSet: ({ endpoints }: EndpointSet) => {
        const ids = (phase: string) => endpoints.filter((one) => one.phase === phase).map(({ id }) => id);
        note({ is: 'set', client, serving: ids('serving'), draining: ids('draining') });
      },
      onPod: (pod) => {
        const { id, state, lastError } = pod;
        if (state === 'closed') this.#attempts.delete(pod);
        // The Pod of the mode before, whose address has a newer one.
        const isOld = (state === 'closed' || state === 'draining') && this.#newest.get(id) !== pod;
        if (isOld) return;
        this.#newest.set(id, pod);
        note({
          is: 'pod',
          client,
          pod: id,
          state,
          ...(state !== 'ready' && lastError !== undefined && { error: lastError }),
        });
      },
      onRegistry: ({ state, held }) => note({ is: 'registry', client, state, held: held?.ids.length ?? 0 }),
    };
  }

  /** What is counted of a closed Pod is counted for nothing. */
  #of(pod: { readonly id: string }): { open: number; ever: number } {
    const seen = this.#attempts.get(pod) ?? { id: pod.id, open: 0, ever: 0 };
    const isOver = (pod as { readonly state?: string }).state === 'closed' || this.#retired.has(pod);
    if (!isOver) this.#attempts.set(pod, seen);
    return seen;
  }

  #follow(): void {
    const { name: client } = this.plan;
    const note = (what: object) => this.#world.note({ client, ...what });
    const { events } = this.channel;
    events.on('ejected', ({ id: pod, reason, forMs }) =>
      note({ is: 'ejected', pod, reason, untilMs: Math.round(this.#world.engine.nowMs() + forMs) }),
    );
    events.on('returned', ({ id: pod }) => note({ is: 'returned', pod }));
    events.on('suspect', ({ id: pod, isSuspect: suspect }) => note({ is: 'suspect', pod, suspect }));
    events.on('panic', ({ level, cluster }) => {
      if (cluster === 'direct') note({ is: 'panic', panic: level !== 'none' });
    });
    events.on('mode', (mode) => {
      for (const pod of this.#attempts.keys()) this.#retired.add(pod);
      this.#attempts.clear();
      this.#world.note({ is: 'mode', client, mode });
    });
  }
}

function optionsOf(plan: ClientPlan, { registries }: ClientWorld): ChannelOptions {
  const policy = plan.retries === 'retry' ? { retryPolicy: RETRY } : { hedgingPolicy: HEDGING };
  return {
    name: 'orders',
    registries: registries ?? [],
    policy: plan.policy as NonNullable<Extract<ChannelOptions['policy'], string>>,
    ...(plan.hashes && { hashKey: { header: 'x-key' } }),
    ...(plan.subset !== undefined && { subset: { size: plan.subset, client: plan.name } }),
    ...(plan.hasMesh && { mesh: { address: MESH } }),
    ...(plan.keepaliveMs !== undefined && { keepalive: { timeMs: plan.keepaliveMs } }),
    waiting: { timeoutMs: plan.waitTimeoutMs, maxCalls: plan.maxWaiting },
    maxConnectionsPerPod: plan.maxConnectionsPerPod,
    holdMs: plan.holdMs,
    drainMs: plan.drainMs,
    ...(plan.retries !== 'none' && {
      serviceConfig: {
        methodConfig: [{ name: [{}], ...policy }],
        ...(plan.throttled && { retryThrottling: { maxTokens: 10, tokenRatio: 0.1 } }),
      },
    }),
  };
}

function factsOf(plan: ClientPlan): ClientFacts {
  const { name: client, policy, retries, waitTimeoutMs, maxConnectionsPerPod, drainMs, subset } = plan;
  return {
    client,
    policy,
    retries,
    maxAttempts: retries === 'none' ? 1 : 3,
    waitTimeoutMs,
    maxWaiting: plan.maxWaiting,
    maxConnectionsPerPod,
    drainMs,
    ...(subset !== undefined && { subset }),
    ...(retries !== 'none' && !plan.throttled && { retryBudget: BUDGET }),
  };
}
