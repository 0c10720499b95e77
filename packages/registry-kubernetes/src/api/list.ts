import { isObject, type Json } from '../slices/read.ts';
import { type Resource, resourceVersionOf } from '../slices/resource.ts';
import type { ApiClient } from './client.ts';
import { KubernetesError } from './error.ts';

/** Objects of one page. A slice holds 100 endpoints unless the cluster says otherwise: nearly every Service is one page. */
const PAGE_SIZE = 100;
/** 100 000 objects; a list that never ends is no list. */
const MAX_PAGES = 1_000;
/** A token for the next page is an opaque string of a few hundred characters. */
const MAX_CONTINUE = 16 * 1024;

/** The objects of one service at one resource version. */
export interface Listing {
  readonly items: readonly unknown[];
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
export async function list(
  client: ApiClient,
  resource: Resource,
  service: ServiceKey,
  signal: AbortSignal,
): Promise<Listing> {
  try {
    return await listPages(client, resource, service, PAGE_SIZE, signal);
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 410) throw error;
    return listPages(client, resource, service, undefined, signal);
  }
}

/** The version that the store is at, and one object of the service. */
export async function probe(
  client: ApiClient,
  resource: Resource,
  service: ServiceKey,
  signal: AbortSignal,
): Promise<Listing> {
  const page = await readPage(client, resource, service, { limit: '1' }, signal);
  return { items: page.items, resourceVersion: page.resourceVersion };
}

async function listPages(
  client: ApiClient,
  resource: Resource,
  service: ServiceKey,
  limit: number | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const items: unknown[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await readPage(
      client,
      resource,
      service,
      { ...(limit !== undefined && { limit: String(limit) }), ...(next !== undefined && { continue: next }) },
      signal,
    );
    items.push(...page.items);
    next = page.next;
    if (next === undefined) return { items, resourceVersion: page.resourceVersion };
  }
  throw new KubernetesError(`the list of ${resource.fullName} has no end: ${MAX_PAGES} pages and more`);
}

async function readPage(
  client: ApiClient,
  resource: Resource,
  { namespace, name }: ServiceKey,
  params: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Listing & { readonly next: string | undefined }> {
  const { path, query } = resource.path(namespace, name);
  for (const [key, value] of Object.entries(params)) query.set(key, value);
  const question = { verb: 'list', resource: resource.fullName, namespace, path, query } as const;
  const body = await client.getJson(question, signal);
  const items = isObject(body) ? (body.items ?? []) : undefined;
  if (!Array.isArray(items)) {
    throw new KubernetesError(`the list of ${resource.fullName} in namespace ${namespace} has no items`);
  }
  const next = isObject((body as Json).metadata) ? ((body as Json).metadata as Json).continue : undefined;
  const more = typeof next === 'string' && next !== '' && next.length <= MAX_CONTINUE;
  return { items, resourceVersion: resourceVersionOf(body), next: more ? next : undefined };
}
