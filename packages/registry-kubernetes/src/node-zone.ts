import type { ApiClient } from './api/client.ts';
import { findFirst } from './api/list.ts';
import { zoneOfEndpoint } from './slices/endpoint-slice.ts';
import { isObject, readList } from './slices/read.ts';

/** No caller waits for it: it does not end with the caller that asked first. */
const NEVER = new AbortController().signal;

/**
 * The zone of a node, as the EndpointSlices of a namespace tell it: those of every Service in it, of Pods that are ready or
 * not. That needs no right but to list them, which finding Pods needs anyway; nodes themselves may be read by few. Throws
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
