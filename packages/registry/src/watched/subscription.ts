import { type Clock, messageOf, pause, type Random, show } from '@podwire/core';
import { type Change, EndpointTable } from '../endpoint-table.ts';
import type { Registry, RegistryUpdate } from '../registry.ts';
import { RetryDelay } from '../retry-delay.ts';
import { attempt } from './attempt.ts';
import { Coalescer } from './coalescer.ts';
import type { RegistryStatus } from './status.ts';
import { usable } from './usable.ts';

/** Receives what a registry says of a service. */
export interface Subscriber {
  /** The registry said something; `changed` when that makes a difference to the endpoints. */
  onSaid(changed: boolean): void;
  onStatus(): void;
}

/** A watch that lived this long counts as stable: after it, the backoff starts from its first delay again. */
const GOOD_WATCH_MS = 10_000;
/** Changes within this time are applied together, because each makes every balancer build a new picker. */
const COALESCE_MS = 50;
/** After more updates than this within {@link COALESCE_MS}, podwire reads no more from the registry until the window has passed. */
const MAX_BURST = 1_000;
/** The least time between two requests to look again, however many Pods fail. */
const RECHECK_MS = 1_000;
const MAX_DROPPED = 20;

/**
 * One service of one registry, watched once for all subscribers. Starts the registry's watch again with backoff and jitter, and
 * keeps the last endpoints; how they are used is not its concern.
 */
export class Subscription {
  /** What the registry says; undefined until it said anything. */
  endpoints: EndpointTable | undefined;
  status: RegistryStatus;
  readonly subscribers = new Set<Subscriber>();
  readonly #registry: Registry;
  readonly #service: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #abort = new AbortController();
  #pending: Change[] = [];
  readonly #applying: Coalescer;
  readonly #rechecking: Coalescer;
  #look: (() => void) | undefined;
  #burst = 0;

  constructor(registry: Registry, service: string, clock: Clock, random: Random) {
    this.#registry = registry;
    this.#service = service;
    this.#clock = clock;
    this.#random = random;
    this.#applying = new Coalescer(clock, COALESCE_MS, () => this.#applyPending());
    this.#rechecking = new Coalescer(clock, RECHECK_MS, () => this.#look?.());
    this.status = {
      state: 'connecting',
      sinceMs: clock.nowMs(),
      lastUpdateMs: undefined,
      lastError: undefined,
      missing: undefined,
      dropped: [],
    };
    void this.#run();
  }

  /** A caller has reason to think that the registry knows better by now. */
  recheck(): void {
    if (this.#look !== undefined) this.#rechecking.request();
  }

  close(): void {
    this.#abort.abort();
    this.#applying.cancel();
    this.#rechecking.cancel();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const delay = new RetryDelay(this.#random);
    while (!signal.aborted) {
      const startedMs = this.#clock.nowMs();
      let heard = false;
      const ended = await attempt(this.#registry, this.#service, this.#clock, signal, {
        onUpdate: (update) => {
          heard = true;
          return this.#onUpdate(update);
        },
        onRecheck: (look) => {
          this.#look = look;
        },
      });
      this.#look = undefined;
      this.#rechecking.cancel();
      if (signal.aborted) return;
      this.#applying.flush();
      const tookMs = this.#clock.nowMs() - startedMs;
      if (tookMs >= GOOD_WATCH_MS) delay.reset();
      this.#report({ state: 'backing-off', lastError: messageOf(ended) });
      await pause(this.#clock, delay.next(ended, heard ? 0 : tookMs), signal);
      if (!signal.aborted) this.#report({ state: 'connecting' });
    }
  }

  /** Receives one update; the next one is requested once the returned promise resolves. */
  #onUpdate(update: RegistryUpdate): Promise<void> | undefined {
    switch (update?.type) {
      case 'problem':
        this.#applying.flush();
        this.#report({ state: 'watching', lastError: String(update.reason) });
        break;
      case 'reset':
      case 'missing':
        this.#pending = [update];
        this.#ask();
        break;
      case 'upsert':
      case 'remove':
        this.#pending.push(update);
        this.#ask();
        break;
      default:
        this.#report({ lastError: `the registry said what no watch understands: ${show(update)}` });
    }
    this.#burst += 1;
    if (this.#burst < MAX_BURST) return undefined;
    this.#burst = 0;
    return pause(this.#clock, COALESCE_MS, this.#abort.signal);
  }

  #ask(): void {
    this.#applying.request();
    // Subscribers that have no endpoints yet get the first ones at once.
    if (this.endpoints === undefined) this.#applying.flush();
  }

  #applyPending(): void {
    this.#burst = 0;
    let changed = this.endpoints === undefined;
    const change: { -readonly [K in keyof RegistryStatus]?: RegistryStatus[K] } = {
      state: 'watching',
      lastUpdateMs: this.#clock.nowMs(),
      lastError: undefined,
    };
    const updates = this.#pending;
    this.#pending = [];
    for (const update of updates) {
      const checked = check(update);
      if (checked.dropped !== undefined) {
        const earlier = update.type === 'upsert' ? (change.dropped ?? this.status.dropped) : [];
        change.dropped = cut([...earlier, ...checked.dropped]);
      }
      if (checked.problem !== undefined) {
        change.lastError = checked.problem;
        continue;
      }
      this.endpoints ??= new EndpointTable();
      if (this.endpoints.apply(checked.change)) changed = true;
      change.missing = update.type === 'missing' ? String(update.reason) : undefined;
    }
    this.#report(change);
    if (this.endpoints === undefined) return;
    for (const subscriber of [...this.subscribers]) subscriber.onSaid(changed);
  }

  #report(change: Partial<RegistryStatus>): void {
    const moved = change.state !== undefined && change.state !== this.status.state;
    this.status = { ...this.status, ...change, ...(moved && { sinceMs: this.#clock.nowMs() }) };
    for (const subscriber of [...this.subscribers]) subscriber.onStatus();
  }
}

/** The part of a change that can be used. A reset of which nothing can be used is a problem, not an empty service. */
function check(update: Change): {
  readonly change: Change;
  readonly dropped?: readonly string[];
  readonly problem?: string;
} {
  if (update.type === 'missing') return { change: update, dropped: [] };
  if (update.type === 'remove') {
    if (Array.isArray(update.ids)) return { change: update };
    return { change: update, problem: 'the registry took endpoints away without saying which' };
  }
  const { endpoints, dropped: found } = usable(update.endpoints);
  const said = Array.isArray(update.dropped) ? update.dropped.map(String) : [];
  const dropped = [...said, ...found];
  const change = { type: update.type, endpoints };
  if (endpoints.length > 0 || dropped.length === 0) return { change, dropped };
  return { change, dropped, problem: `nothing of what the registry said can be used: ${dropped[0]}` };
}

function cut(dropped: readonly string[]): readonly string[] {
  if (dropped.length <= MAX_DROPPED) return dropped;
  return [...dropped.slice(0, MAX_DROPPED), `and ${dropped.length - MAX_DROPPED} more`];
}
