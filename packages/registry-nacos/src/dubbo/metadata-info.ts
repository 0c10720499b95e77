import { TRIPLE } from './read.ts';
import type { DubboRef } from './ref.ts';

/** One interface that an application has. */
export interface DubboService {
  readonly name: string;
  readonly version: string;
  readonly group: string;
}

const MAX_SERVICES = 10_000;
/** The value with which a consumer accepts any version or group. */
const ANY = '*';

/**
 * The interfaces of a `MetadataInfo` that gRPC clients can call. Dubbo writes it as JSON in Nacos's configs, in Hessian and in
 * protobuf; old ones send the JSON as text. Throws for any other value.
 */
export function readMetadataInfo(value: unknown): readonly DubboService[] {
  const info: unknown = typeof value === 'string' ? JSON.parse(value) : value;
  if (!isObject(info)) throw new Error('it has no metadata of this revision');
  const services = info.services ?? {};
  if (!isObject(services)) throw new Error('its metadata have no services');
  return Object.values(services)
    .slice(0, MAX_SERVICES)
    .filter((service) => isObject(service) && service.protocol === TRIPLE && typeof service.name === 'string')
    .map((service) => {
      const { name, version, group } = service as Record<string, unknown>;
      return { name: String(name), version: versionOf(version), group: textOf(group) };
    });
}

/** The interface that a consumer means, by the rules of Dubbo's own consumers. */
export function findService(
  services: readonly DubboService[],
  { interface: name, version, group }: DubboRef,
): DubboService | undefined {
  return services.find(
    (service) =>
      service.name === name &&
      (version === ANY || service.version === versionOf(version)) &&
      (group === ANY || service.group === group),
  );
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
/** Dubbo treats this version as none. */
const versionOf = (value: unknown) => (value === '0.0.0' ? '' : textOf(value));

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
