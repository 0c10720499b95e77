import { createHmac, randomBytes } from 'node:crypto';
import { SharedByKey } from '@podwire/core';
import { ApplicationPods } from './announce/application-pods.ts';
import { Publisher } from './announce/publisher.ts';
import { Connection } from './connection/connection.ts';
import type { Settings } from './options.ts';

/** The objects that all services of one namespace of a Nacos cluster share in a process. */
export interface Namespace {
  readonly connection: Connection;
  readonly publisher: Publisher;
  readonly applications: ApplicationPods;
}

/** Namespaces by name, of one Nacos cluster and one login. */
export class Namespaces {
  readonly #settings: Settings;
  readonly #namespaces = new Map<string, Namespace>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get(name: string): Namespace {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const connection = new Connection(this.#settings, name);
    const publisher = new Publisher(connection, this.#settings);
    const made = { connection, publisher, applications: new ApplicationPods(publisher) };
    this.#namespaces.set(name, made);
    return made;
  }
}

/** The shared namespaces. Only the registries keep them alive. */
const shared = new SharedByKey<Namespaces>();

/** A key of this process: with it, the text of a printed registry cannot be used to test guesses of the password. */
const KEY = randomBytes(32);

/** The key that registries with the same settings have in common; undefined when they share nothing. Holds no secret. */
export function settingsKey(settings: Settings): string | undefined {
  if (!settings.isShared) return undefined;
  const { transport: _t, clock: _c, random: _r, ...rest } = settings;
  return createHmac('sha256', KEY).update(JSON.stringify(rest)).digest('base64');
}

/** The namespaces of these settings: registries with the same settings share their connections. */
export function openNamespaces(settings: Settings): Namespaces {
  const key = settingsKey(settings);
  return key === undefined ? new Namespaces(settings) : shared.get(key, () => new Namespaces(settings));
}
