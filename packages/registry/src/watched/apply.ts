import { type Endpoint, sameEndpoint } from '../endpoint.ts';
import type { RegistryUpdate } from '../registry.ts';

/** A change that says something of endpoints. */
export type Change = Extract<RegistryUpdate, { type: 'reset' | 'upsert' | 'remove' | 'missing' }>;

type Endpoints = ReadonlyMap<string, Endpoint>;

/**
 * The endpoints after changes that came together: copied once at most, and not at all when these say nothing new. Endpoints
 * that say the same stay the same objects, so that whoever compares is done at once.
 */
export function apply(
  before: Endpoints,
  changes: readonly Change[],
): { readonly endpoints: Endpoints; readonly changed: boolean } {
  /** The copy, from the first change that needs one. */
  let own: Map<string, Endpoint> | undefined;
  let changed = false;
  const edit = () => {
    own ??= new Map(before);
    changed = true;
    return own;
  };
  for (const change of changes) {
    switch (change.type) {
      case 'missing':
        changed ||= (own ?? before).size > 0;
        own = new Map();
        break;
      case 'remove':
        for (const id of change.ids) if ((own ?? before).has(id)) edit().delete(id);
        break;
      case 'upsert':
        for (const endpoint of change.endpoints) {
          const known = (own ?? before).get(endpoint.id);
          if (known === undefined || !sameEndpoint(known, endpoint)) edit().set(endpoint.id, endpoint);
        }
        break;
      case 'reset': {
        const current = own ?? before;
        own = new Map();
        for (const endpoint of change.endpoints) {
          const known = current.get(endpoint.id);
          const same = known !== undefined && sameEndpoint(known, endpoint);
          own.set(endpoint.id, same ? known : endpoint);
          changed ||= !same;
        }
        changed ||= own.size !== current.size;
      }
    }
  }
  return { endpoints: own ?? before, changed };
}
