import { InvalidInput, show } from '@podwire/core';
import type { DubboRef } from './ref.ts';

/** The properties that a Dubbo provider's metadata adds to its instance. */
export interface DubboProvider {
  /** The port of Triple, where it differs from the instance's port. */
  readonly port?: unknown;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Dubbo's name of the protocol that gRPC clients can speak. */
export const TRIPLE = 'tri';

/**
 * Reads the metadata by which Dubbo describes a provider of an interface (`protocol`, `version`, `group`) or an application
 * (`dubbo.endpoints`). A Triple server that has a version or a group answers only calls that name them: they become headers of
 * every call on the Pod. Throws {@link InvalidInput} for a provider that does not speak Triple.
 */
export function readDubbo(
  get: (key: string) => unknown,
  path: string,
  ref: DubboRef | undefined,
): DubboProvider {
  const endpoints = get('dubbo.endpoints');
  if (endpoints !== undefined)
    return { port: triplePort(endpoints, path), attributes: ref === undefined ? {} : serviceHeaders(ref) };
  if (ref?.mode === 'application') {
    throw new InvalidInput(`${path}.metadata`, undefined, "must have 'dubbo.endpoints'");
  }
  if (get('side') !== 'provider' || get('interface') === undefined) {
    return { attributes: ref === undefined ? {} : serviceHeaders(ref) };
  }
  const protocol = get('protocol');
  if (protocol !== TRIPLE) {
    throw new InvalidInput(
      `${path}.metadata.protocol`,
      protocol,
      "must be 'tri': gRPC clients can call no other",
    );
  }
  return { attributes: headers(get('version') || ref?.version, get('group') || ref?.group) };
}

/** The headers without which a server of this version and group answers no call. */
export function serviceHeaders({
  version,
  group,
}: {
  readonly version: string;
  readonly group: string;
}): Readonly<Record<string, string>> {
  return headers(version, group);
}

function headers(version: unknown, group: unknown): Readonly<Record<string, string>> {
  const attributes: Record<string, string> = {};
  if (typeof version === 'string' && version !== '') attributes['header.tri-service-version'] = version;
  if (typeof group === 'string' && group !== '') attributes['header.tri-service-group'] = group;
  return attributes;
}

/** `[{"port":20000,"protocol":"tri"}]` */
function triplePort(text: unknown, path: string): unknown {
  const at = `${path}.metadata['dubbo.endpoints']`;
  let list: unknown;
  try {
    list = JSON.parse(String(text));
  } catch {
    throw new InvalidInput(at, text, 'must be JSON');
  }
  const triple = Array.isArray(list) ? list.find((one) => one?.protocol === TRIPLE) : undefined;
  if (triple === undefined) throw new InvalidInput(at, text, `must name a port of protocol ${show(TRIPLE)}`);
  return triple.port;
}
