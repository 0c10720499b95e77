import { InvalidInput } from '@podwire/core';
import { toEndpoint } from '@podwire/registry';
import type { Settings } from '../options.ts';
import type { Protocol, Publishers } from '../protocol.ts';
import type { ServiceRef } from '../service-ref.ts';
import { Lease } from './lease.ts';
import { NamingApi } from './naming-api.ts';
import { type LoadPackage, loadPackage } from './package.ts';
import { watchOverHttp } from './watch.ts';

/** Nacos 1.x, and servers of which only HTTP is open: HTTP v1, by the package `nacos`, which is loaded when it is needed. */
export function overHttp(settings: Settings, load: LoadPackage = loadPackage): Protocol {
  const namespaces = new Map<string, { readonly api: NamingApi; readonly publishers: Publishers }>();
  const open = (namespace: string) => {
    const known = namespaces.get(namespace);
    if (known !== undefined) return known;
    const api = new NamingApi(settings, namespace, load);
    const made = { api, publishers: { publisher: new Leases(api, settings), applications: undefined } };
    namespaces.set(namespace, made);
    return made;
  };
  return {
    watch(ref, options) {
      if (ref.dubbo?.mode === 'application' && ref.dubbo.applications.length === 0) {
        throw new InvalidInput(
          'target.application',
          undefined,
          "must name the applications over protocol 'http': Dubbo's mapping is followed over 'grpc' alone",
        );
      }
      return watchOverHttp(open(ref.namespace).api, ref, settings, options);
    },
    publishers: (namespace) => open(namespace).publishers,
  };
}

/** The Pods of this process in one namespace. */
class Leases {
  readonly #api: NamingApi;
  readonly #settings: Settings;
  readonly #leases = new Map<string, Lease>();

  constructor(api: NamingApi, settings: Settings) {
    this.#api = api;
    this.#settings = settings;
  }

  async put(ref: ServiceRef, id: string, instance: Readonly<Record<string, unknown>>): Promise<void> {
    // Nacos would refuse metadata that is not text, or give it back as text, so it is refused here.
    toEndpoint({ address: id, attributes: instance.metadata }, 'endpoint');
    const key = keyOf(ref, id);
    const known = this.#leases.get(key);
    const lease = known ?? new Lease(this.#api, this.#settings, ref);
    this.#leases.set(key, lease);
    try {
      await lease.put(instance);
    } catch (error) {
      if (known === undefined) await this.remove(ref, id).catch(() => {});
      throw error;
    }
  }

  async remove(ref: ServiceRef, id: string): Promise<void> {
    const lease = this.#leases.get(keyOf(ref, id));
    this.#leases.delete(keyOf(ref, id));
    await lease?.remove();
  }
}

const keyOf = ({ group, name }: ServiceRef, id: string) => `${group}@@${name}@@${id}`;
