import { Dropped } from './dropped.ts';
import { readEndpointSlice } from './endpoint-slice.ts';
import { readEndpoints } from './endpoints-object.ts';
import { isObject, type Json } from './read.ts';
import type { ServiceObject, Slice } from './service-object.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** The kind of object that says which Pods a Service has. */
export interface Resource {
  readonly plural: 'endpointslices' | 'endpoints';
  /** As RBAC and kubectl name it. */
  readonly fullName: string;
  /** Path and query of the objects of one service, or of all in a namespace. */
  readonly path: (
    namespace: string,
    service?: string,
  ) => { readonly path: string; readonly query: URLSearchParams };
  /** The service that an object belongs to; undefined when the object does not say. */
  readonly serviceOf: (metadata: Json) => unknown;
  readonly read: (object: Json, path: string, dropped: Dropped) => readonly Slice[] | undefined;
}

export const ENDPOINT_SLICES: Resource = {
  plural: 'endpointslices',
  fullName: 'endpointslices.discovery.k8s.io',
  path: (namespace, service) => ({
    path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    query: new URLSearchParams(service === undefined ? {} : { labelSelector: `${SERVICE_LABEL}=${service}` }),
  }),
  serviceOf: ({ labels }) => (isObject(labels) ? labels[SERVICE_LABEL] : undefined),
  read: readEndpointSlice,
};

export const ENDPOINTS: Resource = {
  plural: 'endpoints',
  fullName: 'endpoints',
  path: (namespace, service) => ({
    path: `/api/v1/namespaces/${namespace}/endpoints`,
    query: new URLSearchParams(service === undefined ? {} : { fieldSelector: `metadata.name=${service}` }),
  }),
  serviceOf: ({ name }) => name,
  read: readEndpoints,
};

/** Bounds names and versions, which podwire keeps and sends back in requests. */
const NAME = /^[^\s\p{C}]{1,253}$/u;

/** A resource version in an object or a list; undefined when it has none that could be sent back. */
export function resourceVersionOf(object: unknown): string | undefined {
  return text(metadataOf(object).resourceVersion);
}

/** The name of an object; undefined when it has no valid one. */
export function nameOf(object: unknown): string | undefined {
  return text(metadataOf(object).name);
}

/** An object's uid, `''` when it has none. When the uid of a name changes, the first object was deleted and another one created. */
export function uidOf(object: unknown): string {
  return text(metadataOf(object).uid) ?? '';
}

/** Empty where an object has none. */
function metadataOf(object: unknown): Json {
  return isObject(object) && isObject(object.metadata) ? object.metadata : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && NAME.test(value) ? value : undefined;
}

/**
 * Reads one object. If nothing in it can be used, the slices of its previous version (`previous`) stay. The same version of the
 * same object is not read again. An object without a name, or of another service, is unusable.
 */
export function readObject(
  resource: Resource,
  object: unknown,
  service: { readonly namespace: string; readonly name: string },
  previous: (name: string) => ServiceObject | undefined,
): ServiceObject | { readonly unusable: string } {
  const dropped = new Dropped();
  const { plural } = resource;
  const metadata = metadataOf(object);
  const name = text(metadata.name);
  if (!isObject(object) || name === undefined) {
    dropped.add(`${plural}: metadata.name`, isObject(object) ? object.metadata : object, 'must be a name');
    return { unusable: dropped.list()[0]! };
  }
  for (const [what, value, wanted] of [
    ['namespace', metadata.namespace, service.namespace],
    ['service', resource.serviceOf(metadata), service.name],
  ] as const) {
    if (typeof value !== 'string' || value === wanted) continue;
    dropped.add(`${plural}/${name}: ${what}`, value, `must be ${wanted}`);
    return { unusable: dropped.list()[0]! };
  }
  const known = previous(name);
  const resourceVersion = text(metadata.resourceVersion) ?? '';
  const path = `${plural}/${name}`;
  const identity = { name, path, uid: text(metadata.uid) ?? '', resourceVersion };
  if (known !== undefined && known.uid === identity.uid && known.resourceVersion === resourceVersion) {
    if (resourceVersion !== '') return known;
  }
  const slices = resource.read(object, path, dropped) ?? known?.slices ?? [];
  return { ...identity, slices, dropped: dropped.list() };
}
