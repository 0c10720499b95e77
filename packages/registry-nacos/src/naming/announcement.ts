import {
  type Announcement,
  type AnnouncementChange,
  checkKeys,
  type Endpoint,
  InvalidInput,
  toEndpoint,
} from '@podwire/registry';
import { dubboMetadata } from '../dubbo/provider.ts';
import type { Settings } from '../options.ts';
import type { ServiceRef } from '../service-ref.ts';
import { toInstance } from './instances.ts';
import type { Publisher } from './publisher.ts';

/** `nacos.naming` refuses more (`Constants.MAX_WEIGHT_VALUE`). */
const MAX_WEIGHT = 10_000;
/** Where Nacos puts an instance that names no cluster. */
const DEFAULT_CLUSTER = 'DEFAULT';

/** One Pod in Nacos: weight and whether it is enabled (serving) can change while it is announced. */
export class NacosAnnouncement implements Announcement {
  readonly #publisher: Publisher;
  readonly #settings: Settings;
  readonly #ref: ServiceRef;
  #endpoint: Endpoint;
  #withdrawn: Promise<void> | undefined;

  constructor(publisher: Publisher, settings: Settings, ref: ServiceRef, endpoint: Endpoint) {
    if (ref.byApplication) {
      throw new InvalidInput('target.dubbo', 'application', 'cannot be announced: use dubbo=interface');
    }
    if (ref.clusters.length > 1) {
      throw new InvalidInput(
        'target.clusters',
        ref.clusters.join(),
        'must be one cluster: a Pod is announced in one',
      );
    }
    this.#publisher = publisher;
    this.#settings = settings;
    this.#ref = ref;
    this.#endpoint = checked(endpoint, 'endpoint');
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  async open(): Promise<void> {
    await this.#put(this.#endpoint);
  }

  async update(change: AnnouncementChange): Promise<void> {
    if (this.#withdrawn !== undefined)
      throw new Error(`${this.#endpoint.id} was withdrawn from ${this.#ref.name}: announce it again`);
    checkKeys(change, ['weight', 'phase', 'attributes'], 'change');
    const changed = checked(toEndpoint({ ...this.#endpoint, ...change }, 'change'), 'change');
    await this.#put(changed);
    this.#endpoint = changed;
  }

  withdraw(): Promise<void> {
    this.#withdrawn ??= this.#publisher.remove(this.#ref, this.#endpoint.id);
    return this.#withdrawn;
  }

  #put(endpoint: Endpoint): Promise<void> {
    const { clock, zoneKey } = this.#settings;
    const zone = endpoint.zone === undefined ? {} : { [zoneKey]: endpoint.zone };
    const metadata = { ...dubboMetadata(this.#ref.name, clock.wallMs()), ...endpoint.attributes, ...zone };
    const instance = toInstance(endpoint, this.#ref.clusters[0] ?? DEFAULT_CLUSTER, metadata);
    return this.#publisher.put(this.#ref, endpoint.id, instance);
  }
}

function checked(endpoint: Endpoint, path: string): Endpoint {
  if (endpoint.weight > MAX_WEIGHT) {
    throw new InvalidInput(`${path}.weight`, endpoint.weight, `must be at most ${MAX_WEIGHT} in Nacos`);
  }
  return endpoint;
}
