import type { Clock } from '@podwire/core';
import {
  type DnsResolver,
  type Endpoint,
  type EndpointInput,
  type Registry,
  type RegistryUpdate,
  toEndpoint,
} from '@podwire/registry';
import type { Dice } from '../dice.ts';

/** What a registry says of one Pod. */
export interface Listing {
  readonly address: string;
  readonly weight: number;
  readonly phase: 'serving' | 'draining';
}

/** What is wrong with the registry. */
export type Lie =
  | 'none'
  | 'nothing'
  | 'half'
  | 'dead-addresses'
  | 'missing'
  | 'unusable'
  | 'shuffled'
  | 'stale';

const POLL_MS = 1_000;

/** The Pods as they are listed, and how the registry tells of them: late, wrongly or not at all. */
export class SimRegistry implements Registry {
  readonly scheme = 'sim';
  readonly source = 'registry';
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #listed = new Map<string, Listing>();
  lie: Lie = 'none';
  isDown = false;
  /** How long news takes. */
  lateMs = 0;
  #wakes = new Set<() => void>();
  #version = 0;
  #stale: readonly Listing[] = [];

  constructor(clock: Clock, dice: Dice) {
    this.#clock = clock;
    this.#dice = dice;
  }

  /** The truth. */
  get listed(): readonly Listing[] {
    return [...this.#listed.values()];
  }

  list(listing: Listing): void {
    this.#listed.set(listing.address, listing);
    this.tell();
  }

  unlist(address: string): void {
    if (this.#listed.delete(address)) this.tell();
  }

  has(address: string): boolean {
    return this.#listed.has(address);
  }

  /** Something changed in what it says. */
  tell(): void {
    if (this.lie !== 'stale') this.#stale = this.listed;
    this.#clock.after(this.lateMs, () => {
      this.#version += 1;
      for (const wake of this.#wakes) wake();
    });
  }

  async *watch(
    _service: string,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<RegistryUpdate> {
    let told = -1;
    let before: readonly Endpoint[] | undefined;
    while (!signal.aborted) {
      if (this.isDown) throw Object.assign(new Error('the registry is not there'), { unreachable: true });
      if (told !== this.#version) {
        told = this.#version;
        const update = this.#update(before);
        if (update.type === 'reset') before = update.endpoints;
        if (update.type === 'upsert' || update.type === 'remove') before = undefined;
        yield update;
        continue;
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#wakes.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#wakes.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
  }

  /** The same Pods by DNS, which knows neither weights nor phases. */
  get resolver(): DnsResolver {
    return {
      addresses: async () => {
        await new Promise<void>((resolve) => void this.#clock.after(1 + this.lateMs, resolve));
        if (this.isDown || this.lie === 'unusable')
          throw Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' });
        if (this.lie === 'nothing' || this.lie === 'missing') return [];
        return this.#said().map(({ address }) => address.slice(0, address.lastIndexOf(':')));
      },
      srv: async () => [],
    };
  }

  /** How often DNS is asked. */
  static readonly pollMs = POLL_MS;

  /** A reset, or at times only what changed since one. */
  #update(before: readonly Endpoint[] | undefined): RegistryUpdate {
    if (this.lie === 'missing') return { type: 'missing', reason: 'no such service' };
    if (this.lie === 'unusable') return { type: 'problem', reason: 'none of it can be read' };
    const endpoints = this.#said().map((listing) => toEndpoint(listing as EndpointInput));
    if (before === undefined || this.#dice.percent(50)) return { type: 'reset', endpoints };
    const ids = before.filter(({ id }) => !endpoints.some((one) => one.id === id)).map(({ id }) => id);
    if (ids.length > 0 && endpoints.length + ids.length === before.length) return { type: 'remove', ids };
    return ids.length === 0 ? { type: 'upsert', endpoints } : { type: 'reset', endpoints };
  }

  #said(): readonly Listing[] {
    const { listed } = this;
    switch (this.lie) {
      case 'nothing':
        return [];
      case 'half':
        return listed.slice(0, Math.ceil(listed.length / 2) - 1);
      case 'dead-addresses':
        return [...listed, { address: '10.255.0.1:50051', weight: 1, phase: 'serving' }];
      case 'shuffled':
        return [...listed].sort(() => this.#dice.random() - 0.5);
      case 'stale':
        return this.#stale;
      default:
        return listed;
    }
  }
}
