import { settle, VirtualClock } from '@podwire/core/testing';
import {
  type EndpointSet,
  type Registry,
  type ServiceWatch,
  type WatchOptions,
  type WatchStatus,
  watchService,
} from '../index.ts';

/** A `watchService` on a virtual clock, with everything that it told its listener. */
export class Watched {
  readonly clock: VirtualClock;
  readonly watch: ServiceWatch;
  readonly sets: EndpointSet[] = [];
  readonly statuses: WatchStatus[] = [];
  /** Pods that answer. */
  readonly alive = new Set<string>();

  constructor(registry: Registry, options: Partial<WatchOptions> & { readonly clock?: VirtualClock } = {}) {
    this.clock = options.clock ?? new VirtualClock();
    const isAlive = (id: string) => this.alive.has(id);
    this.watch = watchService(
      registry,
      'orders',
      { random: () => 1, isAlive, ...options, clock: this.clock },
      { onSet: (set) => this.sets.push(set), onStatus: (status) => this.statuses.push(status) },
    );
  }

  /** The ids in use, sorted; undefined while nothing is known. */
  get ids(): string[] | undefined {
    return this.watch.set?.endpoints.map(({ id }) => id).sort();
  }

  /** Lets updates arrive: runs promises, and the changes that are applied together. */
  async settle(): Promise<void> {
    await settle();
    await this.clock.advance(60);
  }
}
