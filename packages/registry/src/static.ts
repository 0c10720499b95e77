import { checkKeys, InvalidInput } from '@podwire/core';
import { ENDPOINT_KEYS, type Endpoint, type EndpointInput, toEndpoint } from './endpoint.ts';
import type { Registry } from './registry.ts';

/** The most endpoints that a target or an options object may name. */
const MAX_ENDPOINTS = 10_000;

/** Checks a list of endpoints that a person wrote: unlike in a server's list, every one must be valid. */
export function toEndpoints(inputs: readonly EndpointInput[], path: string): Endpoint[] {
  if (!Array.isArray(inputs)) throw new InvalidInput(path, inputs, 'must be an array of endpoints');
  if (inputs.length === 0) throw new InvalidInput(path, inputs, 'must name at least one endpoint');
  if (inputs.length > MAX_ENDPOINTS) {
    throw new InvalidInput(path, inputs.length, `must not be more than ${MAX_ENDPOINTS} endpoints`);
  }
  const endpoints = new Map<string, Endpoint>();
  for (const [i, input] of inputs.entries()) {
    const at = `${path}[${i}]`;
    if (typeof input !== 'string') checkKeys(input, ENDPOINT_KEYS, at);
    const endpoint = toEndpoint(typeof input === 'string' ? { address: input } : input, at);
    if (endpoints.has(endpoint.id)) throw new InvalidInput(at, endpoint.id, 'is named twice');
    endpoints.set(endpoint.id, endpoint);
  }
  return [...endpoints.values()];
}

/**
 * A fixed list of Pods: `'10.0.0.1:50051,10.0.0.2:50051'`, or objects with weights, zones and attributes.
 * Throws {@link InvalidInput} that names the bad entry.
 */
export function staticRegistry(endpoints: string | readonly EndpointInput[], path = 'endpoints'): Registry {
  const inputs = typeof endpoints === 'string' ? splitAddresses(endpoints) : endpoints;
  const checked = toEndpoints(inputs, path);
  return {
    scheme: 'static',
    source: 'static',
    async *watch(_service, { signal }) {
      yield { type: 'reset', endpoints: checked };
      if (!signal.aborted)
        await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
    },
  };
}

function splitAddresses(list: string): EndpointInput[] {
  return list.split(',').map((address) => ({ address: address.trim() }));
}
