import { checkKeys, InvalidInput } from '@podwire/registry';
import type { Settings } from './options.ts';

/** How Dubbo's providers of an interface are found: as a service of their own, or by the applications that have it. */
export type DubboMode = 'interface' | 'application';

/** What a target names: `orders?group=G&namespace=N&clusters=a,b&metadata.env=prod`. */
export interface ServiceRef {
  readonly name: string;
  readonly group: string;
  readonly namespace: string;
  /** Empty is all. */
  readonly clusters: readonly string[];
  /** Metadata that an instance must have. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether instances are Dubbo's applications, found by the interface `name`. */
  readonly byApplication: boolean;
}

const KEYS = ['group', 'namespace', 'clusters', 'dubbo', 'version', 'serviceGroup'];
const METADATA = 'metadata.';
/** What Nacos allows in names of services; `/` and `?` begin other parts of a target. */
const NAME = /^[^\s@?/]{1,512}$/;

/** Throws {@link InvalidInput}. */
export function parseServiceRef(text: string, settings: Settings): ServiceRef {
  const at = text.indexOf('?');
  const path = at < 0 ? text : text.slice(0, at);
  const query = new Map<string, string>();
  const metadata: Record<string, string> = Object.create(null);
  for (const [key, value] of new URLSearchParams(at < 0 ? '' : text.slice(at + 1))) {
    if (key.startsWith(METADATA)) metadata[key.slice(METADATA.length)] = value;
    else query.set(key, value);
  }
  checkKeys(Object.fromEntries(query), KEYS, 'target');
  if (!NAME.test(path))
    throw new InvalidInput('target', text, "must name a service, as in 'nacos:///orders?group=G'");
  const dubbo = query.get('dubbo');
  if (dubbo !== undefined && dubbo !== 'interface' && dubbo !== 'application') {
    throw new InvalidInput('target.dubbo', dubbo, "must be 'interface' or 'application'");
  }
  for (const key of ['version', 'serviceGroup']) {
    if (query.has(key) && dubbo !== 'interface') {
      throw new InvalidInput(`target.${key}`, query.get(key), 'goes with dubbo=interface only');
    }
  }
  const clusters = query.get('clusters');
  return {
    name:
      dubbo === 'interface'
        ? `providers:${path}:${query.get('version') ?? ''}:${query.get('serviceGroup') ?? ''}`
        : path,
    group: query.get('group') || settings.group,
    namespace: query.get('namespace') || settings.namespace,
    clusters: clusters === undefined ? settings.clusters : clusters.split(',').filter((name) => name !== ''),
    metadata,
    byApplication: dubbo === 'application',
  };
}
