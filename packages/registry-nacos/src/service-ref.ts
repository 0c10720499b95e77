import { checkKeys, InvalidInput } from '@podwire/core';
import { DUBBO_KEYS, type DubboRef, parseDubboRef } from './dubbo/ref.ts';
import type { Settings } from './options.ts';

/** The service that a target names: `orders?group=G&namespace=N&clusters=a,b&metadata.env=prod`. */
export interface ServiceRef {
  readonly name: string;
  readonly group: string;
  readonly namespace: string;
  /** Empty for all clusters. */
  readonly clusters: readonly string[];
  /** Metadata that an instance must have. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Set for a Dubbo interface. */
  readonly dubbo: DubboRef | undefined;
}

const KEYS = ['group', 'namespace', 'clusters', ...DUBBO_KEYS];
const METADATA = 'metadata.';
/** The names of services that Nacos allows; `/` and `?` begin other parts of a target. */
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
  const dubbo = parseDubboRef(path, query);
  const clusters = query.get('clusters');
  return {
    name: dubbo?.mode === 'interface' ? `providers:${path}:${dubbo.version}:${dubbo.group}` : path,
    group: query.get('group') || settings.group,
    namespace: query.get('namespace') || settings.namespace,
    clusters: clusters === undefined ? settings.clusters : clusters.split(',').filter((name) => name !== ''),
    metadata,
    dubbo,
  };
}
