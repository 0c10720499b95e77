import { checkKeys, InvalidInput } from '@podwire/core';
import { type Announcement, type AnnouncementChange, type Endpoint, toEndpoint } from '@podwire/registry';
import { interfaceMetadata } from '../dubbo/describe.ts';
import { toInstance } from '../naming/instances.ts';
import type { Settings } from '../options.ts';
import type { Publishers } from '../protocol.ts';
import type { ServiceRef } from '../service-ref.ts';

/** `nacos.naming` refuses more (`Constants.MAX_WEIGHT_VALUE`). */
const MAX_WEIGHT = 10_000;
/** Where Nacos puts an instance that names no cluster. */
const DEFAULT_CLUSTER = 'DEFAULT';

/**
 * Which announcement owns an instance: Nacos keeps one instance for each address. A Pod that is announced again belongs to the
 * later announcement, so that withdrawing the earlier one does not remove it.
 */
const owners = new WeakMap<Publishers['publisher'], Map<string, NacosAnnouncement>>();

/** One Pod in Nacos: weight and whether it is enabled (serving) can change while it is announced. */
export class NacosAnnouncement implements Announcement {
  readonly #publishers: Publishers;
  readonly #settings: Settings;
  readonly #ref: ServiceRef;
  readonly #owners: Map<string, NacosAnnouncement>;
  readonly #key: string;
  readonly #onOver: () => void;
  #endpoint: Endpoint;
  /** The announcement that owns the instance again if this one fails. */
  #before: NacosAnnouncement | undefined;
  #isFailed = false;
  #withdrawn: Promise<void> | undefined;

  /** `onOver` is called when nothing is left to withdraw. */
  constructor(
    publishers: Publishers,
    settings: Settings,
    ref: ServiceRef,
    endpoint: Endpoint,
    onOver: () => void,
  ) {
    if (ref.dubbo?.mode === 'application') {
      const { applications, methods } = ref.dubbo;
      if (applications.length !== 1) {
        throw new InvalidInput('target.application', applications.join(), 'must name one application');
      }
      // dubbo-go's consumers call only methods that the metadata name.
      if (methods.length === 0) {
        throw new InvalidInput('target.methods', undefined, 'must name the methods: use dubboService()');
      }
    }
    if (ref.clusters.length > 1) {
      throw new InvalidInput(
        'target.clusters',
        ref.clusters.join(),
        'must be one cluster: a Pod is announced in one',
      );
    }
    this.#publishers = publishers;
    this.#settings = settings;
    this.#ref = ref;
    this.#onOver = onOver;
    this.#endpoint = checked(endpoint, 'endpoint');
    const { publisher } = publishers;
    this.#owners = owners.get(publisher) ?? new Map();
    owners.set(publisher, this.#owners);
    this.#key = JSON.stringify([ref.group, ref.name, ref.dubbo, endpoint.id]);
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  async open(): Promise<void> {
    this.#before = this.#owners.get(this.#key);
    this.#owners.set(this.#key, this);
    try {
      await this.#put(this.#endpoint);
    } catch (error) {
      this.#isFailed = true;
      this.#onOver();
      await this.#giveBack();
      throw error;
    }
    // The instance is this one's now.
    if (this.#before !== undefined) this.#before.#onOver();
    this.#before = undefined;
  }

  async #giveBack(): Promise<void> {
    // Another one may have followed meanwhile.
    if (this.#owners.get(this.#key) !== this) return;
    const before = this.#standing();
    if (before === undefined) this.#owners.delete(this.#key);
    else this.#owners.set(this.#key, before);
    // It was withdrawn while this one seemed to follow.
    if (before !== undefined && before.#withdrawn !== undefined) await before.#remove();
  }

  /** This announcement, or the last one before it that succeeded. */
  #standing(): NacosAnnouncement | undefined {
    if (!this.#isFailed) return this;
    return this.#before === undefined ? undefined : this.#before.#standing();
  }

  async update(change: AnnouncementChange): Promise<void> {
    if (this.#withdrawn !== undefined)
      throw new Error(`${this.#endpoint.id} was withdrawn from ${this.#ref.name}: announce it again`);
    if (this.#owners.get(this.#key) !== this)
      throw new Error(
        `${this.#endpoint.id} was announced again as ${this.#ref.name}: update that announcement`,
      );
    checkKeys(change, ['weight', 'phase', 'attributes'], 'change');
    const changed = checked(toEndpoint({ ...this.#endpoint, ...change }, 'change'), 'change');
    await this.#put(changed);
    this.#endpoint = changed;
  }

  withdraw(): Promise<void> {
    this.#withdrawn ??= this.#remove().finally(this.#onOver);
    return this.#withdrawn;
  }

  async #put(endpoint: Endpoint): Promise<void> {
    const { clock, zoneKey } = this.#settings;
    const { publisher, applications } = this.#publishers;
    const { id, port } = endpoint;
    const { dubbo } = this.#ref;
    const zone = endpoint.zone === undefined ? {} : { [zoneKey]: endpoint.zone };
    const make = (metadata: Readonly<Record<string, string>>) => {
      const all = { ...metadata, ...endpoint.attributes, ...zone };
      return toInstance(endpoint, this.#ref.clusters[0] ?? DEFAULT_CLUSTER, all);
    };
    if (dubbo?.mode === 'application') {
      if (applications !== undefined) return applications.put(this.#ref, dubbo, id, port, make);
      throw new InvalidInput('target.dubbo', dubbo.mode, "is announced over protocol 'grpc' alone");
    }
    const metadata = dubbo === undefined ? {} : interfaceMetadata(dubbo, clock.wallMs());
    return publisher.put(this.#ref, id, make(metadata));
  }

  async #remove(): Promise<void> {
    if (this.#owners.get(this.#key) !== this) return;
    this.#owners.delete(this.#key);
    const { publisher, applications } = this.#publishers;
    const { dubbo } = this.#ref;
    const { id } = this.#endpoint;
    return dubbo?.mode === 'application' && applications !== undefined
      ? applications.remove(this.#ref, dubbo, id)
      : publisher.remove(this.#ref, id);
  }
}

function checked(endpoint: Endpoint, path: string): Endpoint {
  if (endpoint.path !== undefined) {
    throw new InvalidInput(path, endpoint.id, 'must have a host and a port: Nacos knows no sockets');
  }
  if (endpoint.weight > MAX_WEIGHT) {
    throw new InvalidInput(`${path}.weight`, endpoint.weight, `must be at most ${MAX_WEIGHT} in Nacos`);
  }
  return endpoint;
}
