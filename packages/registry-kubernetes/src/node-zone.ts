import type { ApiClient } from './api/client.ts';
import { findFirst } from './api/list.ts';
import { zoneOfEndpoint } from './slices/endpoint-slice.ts';
import { isObject, readList } from './slices/read.ts';

/** Several callers share the request, so it does not end when the first of them leaves. */
const NEVER = new AbortController().signal;

/**
 * The zone of a node, as the EndpointSlices of a namespace tell it: those of every Service in it, of Pods that are ready or
 * not. Listing slices is a right that finding Pods needs anyway, while few accounts may read nodes. Throws
 * `KubernetesError`.
 */
export function findZone(client: ApiClient, namespace: string, node: string): Promise<string | undefined> {
  return findFirst(client, namespace, NEVER, (slice) => {
    const endpoints = isObject(slice) ? (readList(slice.endpoints) ?? []) : [];
    for (const endpoint of endpoints) {
      if (!isObject(endpoint) || endpoint.nodeName !== node) continue;
      const zone = zoneOfEndpoint(endpoint);
      if (zone !== undefined) return zone;
    }
    return undefined;
  });
}
