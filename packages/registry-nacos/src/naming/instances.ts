import { InvalidInput, show } from '@podwire/core';
import { type Endpoint, formatAddress, toEndpoint } from '@podwire/registry';
import type { DubboService } from '../dubbo/metadata-info.ts';
import { findService } from '../dubbo/metadata-info.ts';
import { readDubbo, serviceHeaders } from '../dubbo/read.ts';
import type { DubboRef } from '../dubbo/ref.ts';
import type { Settings } from '../options.ts';
import type { ServiceRef } from '../service-ref.ts';
import { Dropped } from './dropped.ts';

/** More instances than this of one service are not read: a list must not hold the process up. */
const MAX_INSTANCES = 100_000;

/** The result of reading a list of instances. */
export interface InstanceList {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly dropped: readonly string[];
  /** Instances listed, used or not. */
  readonly listed: number;
}

/** The metadata keys for properties that have no field in Nacos. */
export type MetadataKeys = Pick<Settings, 'zoneKey' | 'portKeys'>;

/** The interfaces of an instance of one Dubbo application; undefined while they are unknown. Throws when they cannot be read. */
export type Describe = (host: string, get: (key: string) => unknown) => readonly DubboService[] | undefined;

/**
 * Reads `hosts` of a service. An instance that is not healthy is left out, one that is not enabled is draining, and one
 * of weight 0 takes no calls. Throws {@link InvalidInput} when there is no list; what is wrong with an instance is named
 * in `dropped`, and does not affect the others.
 */
export function readInstances(
  hosts: unknown,
  ref: ServiceRef,
  keys: MetadataKeys,
  describe?: Describe,
): InstanceList {
  if (!Array.isArray(hosts)) throw new InvalidInput('hosts', hosts, 'must be a list');
  const endpoints = new Map<string, Endpoint>();
  const dropped = new Dropped();
  if (hosts.length > MAX_INSTANCES) {
    dropped.add(
      `hosts: ${hosts.length} instances must be at most ${MAX_INSTANCES}: those after them are not used`,
    );
  }
  for (const [i, host] of hosts.slice(0, MAX_INSTANCES).entries()) {
    try {
      const endpoint = readInstance(host, `hosts[${i}]`, ref, keys, describe);
      // A Pod is listed twice while Nacos has not noticed that its first connection ended.
      if (endpoint === undefined || endpoints.get(endpoint.id)?.phase === 'serving') continue;
      endpoints.set(endpoint.id, endpoint);
    } catch (error) {
      dropped.add((error as Error).message);
    }
  }
  return { endpoints, dropped: dropped.list(), listed: hosts.length };
}

function readInstance(
  host: unknown,
  path: string,
  ref: ServiceRef,
  { zoneKey, portKeys }: MetadataKeys,
  describe: Describe | undefined,
): Endpoint | undefined {
  if (typeof host !== 'object' || host === null || Array.isArray(host)) {
    throw new InvalidInput(path, host, 'must be an object');
  }
  const {
    ip,
    port,
    weight,
    clusterName,
    healthy = true,
    enabled = true,
    ...rest
  } = host as Record<string, unknown>;
  for (const [name, value] of Object.entries({ healthy, enabled })) {
    if (typeof value !== 'boolean') throw new InvalidInput(`${path}.${name}`, value, 'must be true or false');
  }
  if (!healthy) return undefined;
  if (ref.clusters.length > 0 && !ref.clusters.includes(clusterName as string)) return undefined;
  const metadata = rest.metadata ?? {};
  if (typeof metadata !== 'object') throw new InvalidInput(`${path}.metadata`, metadata, 'must be an object');
  const has = (key: string) => (Object.hasOwn(metadata, key) ? Reflect.get(metadata, key) : undefined);
  for (const [key, wanted] of Object.entries(ref.metadata)) if (has(key) !== wanted) return undefined;
  const dubbo = readDubbo(has, path, ref.dubbo);
  const zone = has(zoneKey);
  const endpoint = toEndpoint(
    {
      host: ip,
      port: dubbo.port ?? portOf(has, portKeys, path) ?? port,
      weight,
      zone: zone === '' ? undefined : zone,
      phase: enabled ? 'serving' : 'draining',
      attributes: { ...metadata, ...dubbo.attributes },
    },
    path,
  );
  if (describe === undefined || ref.dubbo === undefined) return endpoint;
  const service = ofInterface(endpoint, path, ref.dubbo, () => describe(endpoint.host, has));
  return (
    service &&
    toEndpoint({ ...endpoint, attributes: { ...endpoint.attributes, ...serviceHeaders(service) } }, path)
  );
}

/** The port in the metadata, which is text; an empty text counts as none. */
function portOf(
  has: (key: string) => unknown,
  portKeys: readonly string[],
  path: string,
): number | undefined {
  const key = portKeys.find((key) => (has(key) ?? '') !== '');
  if (key === undefined) return undefined;
  const value = has(key);
  const isPort = (typeof value === 'string' && /^\d{1,5}$/.test(value)) || typeof value === 'number';
  const port = isPort ? Number(value) : 0;
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new InvalidInput(`${path}.metadata['${key}']`, value, 'must be a port, an integer from 1 to 65535');
}

/** The instance's interface that calls go to; undefined when the instance has another version, or while its interfaces are unknown. */
function ofInterface(
  { id }: Endpoint,
  path: string,
  ref: DubboRef,
  describe: () => readonly DubboService[] | undefined,
): DubboService | undefined {
  try {
    return findService(describe() ?? [], ref);
  } catch (error) {
    throw new Error(`${path}: ${id} is not used: ${(error as Error).message}`);
  }
}

/** Why a list that names no Pod is empty. */
export function whyEmpty(ref: ServiceRef, listed: number): string {
  if (ref.dubbo?.mode === 'application' && listed === 0) {
    return `no application has the Dubbo interface ${show(ref.name)} in Nacos, or none of those that have it runs: check the interface, group ${show(ref.group)} and namespace ${show(ref.namespace)}, and whether providers register by application`;
  }
  if (ref.dubbo?.mode === 'application') {
    const { version, group } = ref.dubbo;
    return `Nacos lists ${listed} instances of the applications that have the Dubbo interface ${show(ref.name)}, but none that is healthy has version ${show(version)} and group ${show(group)} of it`;
  }
  const where = `service ${show(ref.name)}, group ${show(ref.group)}, namespace ${show(ref.namespace)}`;
  if (listed === 0)
    return `Nacos lists no instance of ${where}: check these names, and whether providers run`;
  const clusters = ref.clusters.length === 0 ? '' : `, in clusters ${ref.clusters.join(', ')}`;
  const metadata = Object.entries(ref.metadata).map(([key, value]) => `${key}=${value}`);
  const filter = metadata.length === 0 ? '' : `, with metadata ${metadata.join(', ')}`;
  return `Nacos lists ${listed} instances of ${where}, but none that is healthy${clusters}${filter}`;
}

/** An endpoint as Nacos has it. */
export function toInstance(
  endpoint: Endpoint,
  cluster: string,
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  return {
    instanceId: `${formatAddress(endpoint.host, endpoint.port)}#${cluster}`,
    ip: endpoint.host,
    port: endpoint.port,
    weight: endpoint.weight,
    healthy: true,
    enabled: endpoint.phase === 'serving',
    ephemeral: true,
    clusterName: cluster,
    metadata,
  };
}
