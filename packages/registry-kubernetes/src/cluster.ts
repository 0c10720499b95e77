import { SharedByKey } from '@podwire/core';
import { findAccess } from './access/find.ts';
import { ApiClient } from './api/client.ts';
import { findZone } from './node-zone.ts';
import type { Settings } from './options.ts';
import { Reflector } from './reflector.ts';

/** A failed reflector's objects are too old to use after this. */
const FORGET_AFTER_MS = 600_000;

/** One cluster as this process knows it: a client, and one reflector for each service that is looked at. */
export class Cluster {
  readonly #settings: Settings;
  readonly #reflectors = new Map<string, Reflector>();
  #client: ApiClient | undefined;
  /** Zones by node. */
  readonly #zones = new Map<string, string>();
  readonly #zoneLookups = new Map<string, Promise<string | undefined>>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Throws an `Error` when no cluster is known. */
  get client(): ApiClient {
    const { clock, requestTimeoutMs } = this.#settings;
    this.#client ??= new ApiClient(findAccess(this.#settings), clock, requestTimeoutMs);
    return this.#client;
  }

  reflector(namespace: string, name: string): Reflector {
    this.#forget();
    const key = `${namespace}/${name}`;
    const known = this.#reflectors.get(key);
    if (known !== undefined) return known;
    const { clock, random, idleTimeoutMs } = this.#settings;
    const { client } = this;
    const onUnused = () => {
      this.#reflectors.delete(key);
      if (this.#reflectors.size === 0) client.release();
    };
    const made = new Reflector({ namespace, name }, { client, clock, random, idleTimeoutMs, onUnused });
    this.#reflectors.set(key, made);
    return made;
  }

  /** The zone of a node, which does not change. */
  async zoneOf(namespace: string, node: string): Promise<string | undefined> {
    const known = this.#zones.get(node);
    if (known !== undefined) return known;
    const key = `${namespace}/${node}`;
    // Many channels ask at the same time.
    let asked = this.#zoneLookups.get(key);
    if (asked === undefined) {
      asked = findZone(this.client, namespace, node).finally(() => this.#zoneLookups.delete(key));
      this.#zoneLookups.set(key, asked);
    }
    const zone = await asked;
    if (zone !== undefined) this.#zones.set(node, zone);
    return zone;
  }

  /** Reflectors that failed and that no watcher returned to. */
  #forget(): void {
    const beforeMs = this.#settings.clock.nowMs() - FORGET_AFTER_MS;
    for (const [key, { failedAtMs }] of this.#reflectors) {
      if (failedAtMs !== undefined && failedAtMs < beforeMs) this.#reflectors.delete(key);
    }
  }
}

/** The shared clusters. Only the registries keep them alive. */
const clusters = new SharedByKey<Cluster>();
/** The variables that decide which cluster is used. */
const ENV_KEYS = ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT', 'HOME', 'USERPROFILE'];

/** All variables of an environment that the user passed: exec plugins run in it, and may log in to another account because of it. */
function environment(env: Settings['env']): readonly unknown[] {
  return env === process.env ? ENV_KEYS.map((name) => env[name]) : Object.entries(env).sort();
}

/**
 * The cluster of these settings. Registries with the same settings share it, so that a process has one watch for each
 * service however many channels and registries it makes.
 */
export function openCluster(settings: Settings): Cluster {
  if (!settings.isShared) return new Cluster(settings);
  const { kubeconfig, context, serviceAccountDir, idleTimeoutMs, requestTimeoutMs, env } = settings;
  const own = [kubeconfig, context, serviceAccountDir, idleTimeoutMs, requestTimeoutMs];
  const key = JSON.stringify([...own, ...environment(env)]);
  return clusters.get(key, () => new Cluster(settings));
}
