import { networkInterfaces } from 'node:os';
import {
  type Clock,
  checkKeys,
  InvalidInput,
  messageOf,
  pause,
  type Random,
  systemClock,
  systemRandom,
  type Timer,
  timers,
} from '@podwire/core';
import {
  type Announcement,
  type AnnouncementChange,
  type Announcer,
  type Endpoint,
  RetryDelay,
  toEndpoint,
} from '@podwire/registry';
import { checkFunction, checkMs, checkReachable } from './check-options.ts';
import { podHost } from './pod-host.ts';

/** How one Pod is announced. Times in milliseconds. A value that breaks its rule is an `InvalidInput`. */
export interface AnnounceOptions {
  /** Where the Pod is announced: `nacos({ … })`, `fileAnnouncer(directory)`. */
  readonly registry: Announcer;
  /** The service's name, as the registry's targets have it. */
  readonly service: string;
  /** The port that the server listens on, 1–65535. */
  readonly port: number;
  /** Default: the environment's `POD_IP`, else the address of the only network interface that other Pods can reach. */
  readonly host?: string;
  /** Relative share of calls. Default 1; 0 takes none. */
  readonly weight?: number;
  /** Default: none. */
  readonly zone?: string;
  /** Default: none. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** How long `announce` waits to be listed before it goes on in the background. Default 5 000. */
  readonly timeoutMs?: number;
  /**
   * Called each time the registry refuses or cannot be reached; the announcement is tried again. Default: a warning of the
   * process.
   */
  readonly onProblem?: (error: Error) => void;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Default: `Math.random`. */
  readonly random?: Random;
}

/** `announcing` until the registry has accepted the Pod, `listed` until the Pod is withdrawn. */
export type PresenceState = 'announcing' | 'listed' | 'withdrawn';

/** One Pod that is kept in a registry, also across failures of the registry. */
export interface Presence {
  /** The Pod as it is announced now. */
  readonly endpoint: Endpoint;
  /** Whether the registry has it. */
  readonly state: PresenceState;
  /** Changes weight, phase or attributes. Before the Pod is listed, it changes those with which the Pod will be listed. */
  update(change: AnnouncementChange): Promise<void>;
  /** Takes the Pod out of the registry, or gives up announcing it. Safe to call twice. */
  withdraw(): Promise<void>;
}

export const ANNOUNCE_KEYS = [
  'registry',
  'service',
  'port',
  'host',
  'weight',
  'zone',
  'attributes',
  'timeoutMs',
  'onProblem',
  'clock',
  'random',
] as const;

/**
 * Announces a Pod. Call it when the server serves. Resolves when the Pod is listed. A registry that is away does not
 * keep a provider from serving: the promise then resolves after the first failure or `timeoutMs`, and the announcement is tried
 * again with backoff until the Pod is listed or withdrawn. Rejects with `InvalidInput` for a Pod that no registry would accept.
 */
export async function announce(options: AnnounceOptions): Promise<Presence> {
  const { presence, listed } = beginToAnnounce(options);
  await listed;
  return presence;
}

/** The same, with the presence at once; `listed` is what `announce` waits for. */
export function beginToAnnounce(options: AnnounceOptions): { presence: Presence; listed: Promise<void> } {
  checkKeys(options, ANNOUNCE_KEYS, 'options');
  if (typeof options.registry?.announce !== 'function') {
    throw new InvalidInput(
      'options.registry',
      options.registry,
      'must be an announcer, such as nacos({ … })',
    );
  }
  if (typeof options.service !== 'string' || options.service === '') {
    throw new InvalidInput('options.service', options.service, 'must be the name of a service');
  }
  const { timeoutMs = 5_000, clock = systemClock } = options;
  checkMs(timeoutMs, 'options.timeoutMs');
  checkFunction(options.onProblem, 'options.onProblem');
  const host = options.host ?? podHost(process.env, networkInterfaces());
  const { port, weight, zone, attributes } = options;
  const endpoint = toEndpoint({ host, port, weight, zone, attributes }, 'options');
  checkReachable(endpoint.host, options.host === undefined ? 'POD_IP' : 'options.host');
  const presence = new Announcing(options, endpoint);
  let timer: Timer | undefined;
  const waited = new Promise<void>((resolve) => {
    timer = clock.after(timeoutMs, resolve);
  });
  const listed = Promise.race([presence.first, presence.gone, waited]).finally(() => timer?.cancel());
  return { presence, listed };
}

class Announcing implements Presence {
  /** Settles with the first attempt; rejects with `InvalidInput` only. */
  readonly first: Promise<void>;
  /** Resolves when the Pod is withdrawn before it was listed. */
  readonly gone: Promise<void>;
  readonly #options: AnnounceOptions;
  readonly #clock: Clock;
  readonly #delay: RetryDelay;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #endpoint: Endpoint;
  #lease: Announcement | undefined;
  #failure: unknown;
  #triedMs = 0;
  #withdrawn: Promise<void> | undefined;

  constructor(options: AnnounceOptions, endpoint: Endpoint) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#delay = new RetryDelay(options.random ?? systemRandom);
    this.#endpoint = endpoint;
    this.gone = new Promise((resolve) => {
      this.#abort.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.first = this.#try();
    this.#done = this.first.then(
      () => this.#keepTrying(),
      (error: unknown) => this.#tell(error),
    );
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  get state(): PresenceState {
    if (this.#withdrawn !== undefined) return 'withdrawn';
    return this.#lease === undefined ? 'announcing' : 'listed';
  }

  async update(change: AnnouncementChange): Promise<void> {
    if (this.#withdrawn !== undefined) {
      throw new Error(`${this.#endpoint.id} was withdrawn from ${this.#options.service}: announce it again`);
    }
    checkKeys(change, ['weight', 'phase', 'attributes'], 'change');
    const before = this.#endpoint;
    const changed = toEndpoint({ ...before, ...change }, 'change');
    this.#endpoint = changed;
    try {
      // Send the whole state: the registry may have missed the change before this one.
      const { weight, phase, attributes } = changed;
      await this.#lease?.update({ weight, phase, attributes });
    } catch (error) {
      if (error instanceof InvalidInput && this.#endpoint === changed) this.#endpoint = before;
      throw error;
    }
  }

  withdraw(): Promise<void> {
    this.#withdrawn ??= this.#leave();
    return this.#withdrawn;
  }

  async #leave(): Promise<void> {
    this.#abort.abort();
    // An attempt under way may still succeed, and must then be withdrawn.
    await this.#done;
    await this.#lease?.withdraw();
  }

  /** Makes one attempt. Throws errors that another attempt would not change. */
  async #try(): Promise<void> {
    const { registry, service } = this.#options;
    const announced = this.#endpoint;
    const startedMs = this.#clock.nowMs();
    try {
      this.#lease = await registry.announce(service, announced, { signal: this.#abort.signal });
      const { weight, phase, attributes } = this.#endpoint;
      if (this.#endpoint !== announced) await this.#lease.update({ weight, phase, attributes });
    } catch (error) {
      if (error instanceof InvalidInput) throw error;
      this.#failure = error;
      this.#triedMs = this.#clock.nowMs() - startedMs;
      if (!this.#abort.signal.aborted) this.#tell(error);
    }
  }

  async #keepTrying(): Promise<void> {
    const { signal } = this.#abort;
    while (this.#lease === undefined && !signal.aborted) {
      await pause(this.#clock, this.#delay.next(this.#failure, this.#triedMs), signal);
      if (signal.aborted) return;
      try {
        await this.#try();
      } catch (error) {
        return this.#tell(error);
      }
    }
  }

  #tell(error: unknown): void {
    const { service, onProblem } = this.#options;
    const cause = messageOf(error);
    const problem = new Error(`${this.#endpoint.id} is not announced as ${service}: ${cause}`, {
      cause: error,
    });
    tellProblem(problem, onProblem);
  }
}

/** An error that the caller's function throws must not end an announcement or keep a provider from leaving. */
export function tellProblem(problem: Error, onProblem: (error: Error) => void = warn): void {
  timers.nextTick(() => onProblem(problem));
}

function warn(problem: Error): void {
  process.emitWarning(problem.message, { code: 'PODWIRE_NOT_ANNOUNCED' });
}
