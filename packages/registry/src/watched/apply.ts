import { type Endpoint, sameEndpoint } from '../endpoint.ts';
import type { RegistryUpdate } from '../registry.ts';

/** A change that says something of endpoints. */
export type Change = Extract<RegistryUpdate, { type: 'reset' | 'upsert' | 'remove' | 'missing' }>;

/** The endpoints after a change. Those that say the same stay the same objects, so that whoever compares is done at once. */
export function apply(
  current: ReadonlyMap<string, Endpoint>,
  change: Change,
): { readonly endpoints: ReadonlyMap<string, Endpoint>; readonly changed: boolean } {
  switch (change.type) {
    case 'missing':
      return { endpoints: new Map(), changed: current.size > 0 };
    case 'remove': {
      const endpoints = new Map(current);
      for (const id of change.ids) endpoints.delete(id);
      return { endpoints, changed: endpoints.size !== current.size };
    }
    case 'upsert': {
      const endpoints = new Map(current);
      return { endpoints, changed: put(endpoints, change.endpoints, current) };
    }
    case 'reset': {
      const endpoints = new Map<string, Endpoint>();
      const changed = put(endpoints, change.endpoints, current);
      return { endpoints, changed: changed || endpoints.size !== current.size };
    }
  }
}

function put(
  into: Map<string, Endpoint>,
  endpoints: readonly Endpoint[],
  current: ReadonlyMap<string, Endpoint>,
): boolean {
  let changed = false;
  for (const endpoint of endpoints) {
    const known = current.get(endpoint.id);
    const same = known !== undefined && sameEndpoint(known, endpoint);
    into.set(endpoint.id, same ? known : endpoint);
    changed ||= !same;
  }
  return changed;
}
