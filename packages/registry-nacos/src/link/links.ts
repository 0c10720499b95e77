import { createHmac, randomBytes } from 'node:crypto';
import { ApplicationPods } from '../dubbo/application-pods.ts';
import { Publisher } from '../naming/publisher.ts';
import type { Settings } from '../options.ts';
import { Link } from './link.ts';

/** What all services of one namespace of a Nacos cluster share in a process. */
export interface Namespace {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly applications: ApplicationPods;
}

/** Namespaces by name, of one Nacos cluster and one login. */
export class Links {
  readonly #settings: Settings;
  readonly #namespaces = new Map<string, Namespace>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get(namespace: string): Namespace {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const link = new Link(this.#settings, namespace);
    const publisher = new Publisher(link, this.#settings);
    const made = { link, publisher, applications: new ApplicationPods(publisher) };
    this.#namespaces.set(namespace, made);
    return made;
  }
}

/** Held by the registries alone: links that no registry uses are forgotten. */
const shared = new Map<string, WeakRef<Links>>();

/** Of this process alone: a registry that is printed does not tell whether a password was guessed right. */
const KEY = randomBytes(32);

/** What registries of the same settings have in common; undefined when they share nothing. Holds no secret. */
export function settingsKey(settings: Settings): string | undefined {
  if (!settings.isShared) return undefined;
  const { transport: _t, clock: _c, random: _r, ...rest } = settings;
  return createHmac('sha256', KEY).update(JSON.stringify(rest)).digest('base64');
}

/** The links of these settings: registries with the same settings share their connections. */
export function openLinks(settings: Settings): Links {
  const key = settingsKey(settings);
  if (key === undefined) return new Links(settings);
  const known = shared.get(key)?.deref();
  if (known !== undefined) return known;
  for (const [other, ref] of shared) if (ref.deref() === undefined) shared.delete(other);
  const made = new Links(settings);
  shared.set(key, new WeakRef(made));
  return made;
}
