import { isObject, type Json, readList } from '../slices/read.ts';
import { ENDPOINT_SLICES, type Resource, resourceVersionOf } from '../slices/resource.ts';
import type { ApiClient } from './client.ts';
import { KubernetesError } from './error.ts';

/** How many objects a page has. A slice holds 100 endpoints unless the cluster says otherwise, so nearly every Service is one page. */
const PAGE_SIZE = 100;
/** A list that never ends is refused. */
const MAX_PAGES = 200;
/** A token for the next page is an opaque string of a few hundred characters. */
const MAX_CONTINUE = 16 * 1024;

/** Receives a list page by page, so that memory never holds the whole list in its JSON form. */
export interface Listed {
  put(object: unknown): void;
}

/** The objects of one service at one resource version. */
export interface Listing<T extends Listed> {
  readonly listed: T;
  /** Undefined when a watch cannot begin here. */
  readonly resourceVersion: string | undefined;
}

/** Where the objects of one service stand. */
export interface ServiceKey {
  readonly namespace: string;
  readonly name: string;
}

/**
 * All objects of a service, page by page, as they are now (no resource version: "most recent",
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list). A page token that expired on
 * the way (410) begins the list anew, once, in one piece. Throws {@link KubernetesError}.
 */
export async function list<T extends Listed>(
  client: ApiClient,
  resource: Resource,
  service: ServiceKey,
  signal: AbortSignal,
  begin: () => T,
): Promise<Listing<T>> {
  try {
    return await listPages(client, resource, service, PAGE_SIZE, signal, begin());
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 410) throw error;
    return listPages(client, resource, service, undefined, signal, begin());
  }
}

/** The version that the store is at, and one object of the service, if there is any. */
export async function probe(
  client: ApiClient,
  resource: Resource,
  service: ServiceKey,
  signal: AbortSignal,
): Promise<{ readonly first: unknown; readonly resourceVersion: string | undefined }> {
  const { items, resourceVersion } = await readPage(client, resource, service, { limit: '1' }, signal);
  return { first: items[0], resourceVersion };
}

/** Looks at the EndpointSlices of a namespace, page by page, until `look` finds something in one. Throws {@link KubernetesError}. */
export async function findFirst<T>(
  client: ApiClient,
  namespace: string,
  signal: AbortSignal,
  look: (object: unknown) => T | undefined,
): Promise<T | undefined> {
  const size = { limit: String(PAGE_SIZE) };
  let params: Readonly<Record<string, string>> = size;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { items, next } = await readPage(client, ENDPOINT_SLICES, { namespace }, params, signal);
    for (const item of items) {
      const found = look(item);
      if (found !== undefined) return found;
    }
    if (next === undefined || next === params.continue) return undefined;
    params = { ...size, continue: next };
  }
  return undefined;
}

async function listPages<T extends Listed>(
  client: ApiClient,
  resource: Resource,
  service: ServiceKey,
  limit: number | undefined,
  signal: AbortSignal,
  listed: T,
): Promise<Listing<T>> {
  const size: Readonly<Record<string, string>> = limit === undefined ? {} : { limit: String(limit) };
  let params = size;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { items, next, resourceVersion } = await readPage(client, resource, service, params, signal);
    for (const item of items) listed.put(item);
    if (next === undefined) return { listed, resourceVersion };
    if (next === params.continue) break;
    params = { ...size, continue: next };
  }
  throw new KubernetesError(`the list of ${resource.fullName} has no end`);
}

interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string | undefined;
  /** The token for the next page. */
  readonly next: string | undefined;
}

async function readPage(
  client: ApiClient,
  resource: Resource,
  { namespace, name }: { readonly namespace: string; readonly name?: string },
  params: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Page> {
  const { path, query } = resource.path(namespace, name);
  for (const [key, value] of Object.entries(params)) query.set(key, value);
  const question = { verb: 'list', resource: resource.fullName, namespace, path, query } as const;
  const body = await client.getJson(question, signal);
  // Go writes null for an empty list. A document without items, such as a proxy's answer, is not an empty list.
  const items = isObject(body) && body.items !== undefined ? readList(body.items) : undefined;
  if (items === undefined) {
    throw new KubernetesError(
      `the answer is no list of ${resource.fullName} in namespace ${namespace}: it has no items; is the server an API server?`,
    );
  }
  const metadata = isObject((body as Json).metadata) ? ((body as Json).metadata as Json) : {};
  const next = metadata.continue ?? '';
  // If we took this for the last page, we would lose the others.
  if (typeof next !== 'string' || next.length > MAX_CONTINUE) {
    throw new KubernetesError(`the list of ${resource.fullName} has a next page and no token for it`);
  }
  return { items, resourceVersion: resourceVersionOf(body), next: next === '' ? undefined : next };
}
