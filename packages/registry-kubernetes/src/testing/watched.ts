import { type Clock, systemClock } from '@podwire/core';
import { type Registry, type ServiceWatch, type WatchStatus, watchService } from '@podwire/registry';
import { until } from '@podwire/registry/testing';

/** A service watched for as long as the test takes, as a channel does it: with backoff, and holding on. */
export class Watched {
  ids: readonly string[] = [];
  sets = 0;
  readonly statuses: WatchStatus[] = [];
  readonly #watch: ServiceWatch;

  constructor(registry: Registry, service = 'orders', clock: Clock = systemClock) {
    this.#watch = watchService(
      registry,
      service,
      { clock, random: () => 0 },
      {
        onSet: ({ endpoints }) => {
          this.sets += 1;
          this.ids = endpoints.map(({ id }) => id).sort();
        },
        onStatus: (status) => this.statuses.push(status),
      },
    );
  }

  get status(): WatchStatus {
    return this.#watch.status;
  }

  /** Every error that was reported, each once. */
  get errors(): string[] {
    return [
      ...new Set(this.statuses.map(({ lastError }) => lastError).filter((error) => error !== undefined)),
    ];
  }

  /** Waits until these Pods, and no others, are in use; `10.0.0.1` stands for `10.0.0.1:50051`. */
  async untilIds(...hosts: readonly string[]): Promise<void> {
    const wanted = hosts.map((host) => `${host}:50051`).join();
    await until(() => this.ids.join() === wanted, `${wanted || 'no Pods'}, not ${this.ids.join()}`);
  }

  async untilError(part: string): Promise<void> {
    await until(() => this.errors.some((error) => error.includes(part)), `an error with '${part}'`);
  }

  /** A Pod stopped answering. */
  recheck(): void {
    this.#watch.recheck();
  }

  close(): void {
    this.#watch.close();
  }
}
