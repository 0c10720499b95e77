import type { Clock, Random, Timer } from '@podwire/core';
import type { Endpoint, Registry } from '@podwire/registry';
import type { OwnZone } from '../options/own-zone.ts';

/** Delays between requests. A Pod that has just started is not in the registry yet; for a node that never has a Pod, requests become rare. */
const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 3_600_000;
const RETRY_FACTOR = 4;

/** Asks a registry for the zone of this process's node, if the service's own Pods do not tell it. */
export class ZoneFinder {
  readonly #zone: OwnZone;
  readonly #ask: () => Promise<string | undefined>;
  readonly #unlisten: () => void;
  readonly #clock: Clock;
  readonly #random: Random;
  #isClosed = false;
  #retryMs = FIRST_RETRY_MS;
  #timer: Timer | undefined;
  #isStarted = false;

  constructor(
    zone: OwnZone,
    registry: Registry,
    service: string,
    env: { readonly clock: Clock; readonly random: Random },
    onFound: () => void,
  ) {
    this.#zone = zone;
    this.#clock = env.clock;
    this.#random = env.random;
    // Several clusters look for the same zone, and one of them finds it.
    this.#unlisten = zone.listen(onFound);
    const { node } = zone;
    this.#ask = async () => (node === undefined ? undefined : await registry.zoneOf?.(service, node));
  }

  /** Call it with each set. From the first set on it asks by itself, until Pods or the registry tell the zone. */
  onSet(endpoints: readonly Endpoint[]): void {
    this.#zone.learn(endpoints);
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#unlisten();
  }

  async #look(): Promise<void> {
    const { node } = this.#zone;
    if (this.#isClosed || node === undefined || this.#zone.name !== undefined) return;
    let found: string | undefined;
    let why = 'no Pod that the registry knows is on it';
    try {
      found = await this.#ask();
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    if (this.#isClosed || this.#zone.name !== undefined) return;
    if (found !== undefined) return this.#zone.find(found);
    this.#zone.problem = `the zone of the node ${node} is not known, and none is preferred: ${why}`;
    const delayMs = this.#retryMs * (0.5 + 0.5 * this.#random());
    this.#retryMs = Math.min(this.#retryMs * RETRY_FACTOR, MAX_RETRY_MS);
    this.#timer = this.#clock.after(delayMs, () => void this.#look());
  }
}
