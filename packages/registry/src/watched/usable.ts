import { show } from '@podwire/core';
import { type Endpoint, type EndpointInput, isEndpoint, toEndpoint } from '../endpoint.ts';

/** More endpoints than this of one service are not used: a registry must not fill the memory. */
const MAX_ENDPOINTS = 100_000;

/** The usable endpoints of a registry's list, and the reason for each other entry as `path: value rule`. */
export interface Usable {
  readonly endpoints: readonly Endpoint[];
  readonly dropped: readonly string[];
}

/**
 * Checks an update of a registry. Registries are written by others: whatever they yield, the endpoints that leave here are valid
 * and immutable.
 */
export function usable(said: unknown): Usable {
  if (!Array.isArray(said)) return { endpoints: [], dropped: [`endpoints: ${show(said)} must be an array`] };
  const endpoints: Endpoint[] = [];
  const dropped: string[] = [];
  const count = Math.min(said.length, MAX_ENDPOINTS);
  for (let i = 0; i < count; i++) {
    const value: unknown = said[i];
    try {
      endpoints.push(isEndpoint(value) ? value : toEndpoint(value as EndpointInput, `endpoints[${i}]`));
    } catch (error) {
      dropped.push(error instanceof Error ? error.message : `endpoints[${i}]: ${show(error)}`);
    }
  }
  if (said.length > MAX_ENDPOINTS) {
    dropped.push(`endpoints: ${said.length} are more than ${MAX_ENDPOINTS}, the rest is not used`);
  }
  return { endpoints, dropped };
}
