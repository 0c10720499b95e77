import { type Endpoint, sameEndpoint } from './endpoint.ts';
import type { RegistryUpdate } from './registry.ts';

/** An update that changes endpoints. */
export type Change = Extract<RegistryUpdate, { type: 'reset' | 'upsert' | 'remove' | 'missing' }>;

/**
 * The endpoints that a registry named, in its order. The index is changed in place and never handed out: copying ten thousand
 * entries takes a millisecond, copying the list takes almost none. Equal endpoints stay the same objects, so that comparing them
 * is cheap.
 */
export class EndpointTable {
  #byId = new Map<string, Endpoint>();
  #list: readonly Endpoint[] | undefined = [];

  get size(): number {
    return this.#byId.size;
  }

  /** The endpoints in order. The list never changes; after a change there is a new one. */
  get list(): readonly Endpoint[] {
    this.#list ??= [...this.#byId.values()];
    return this.#list;
  }

  get(id: string): Endpoint | undefined {
    return this.#byId.get(id);
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Applies `change`; returns whether that made a difference. */
  apply(change: Change): boolean {
    switch (change.type) {
      case 'missing':
        return this.#reset([]);
      case 'reset':
        return this.#reset(change.endpoints);
      case 'upsert':
        return this.#edit(change.endpoints, (endpoint) => this.#set(endpoint));
      case 'remove':
        return this.#edit(change.ids, (id) => this.#byId.delete(id));
    }
  }

  #reset(endpoints: readonly Endpoint[]): boolean {
    const edit = difference(this.list, endpoints, this.#byId);
    if (edit === undefined) return this.#replace(endpoints);
    const removed = this.#edit(edit.gone, (id) => this.#byId.delete(id));
    const set = this.#edit(edit.others, (endpoint) => this.#set(endpoint));
    return removed || set;
  }

  #replace(endpoints: readonly Endpoint[]): boolean {
    const before = this.#byId;
    const after = new Map<string, Endpoint>();
    let changed = false;
    for (const endpoint of endpoints) {
      const known = before.get(endpoint.id);
      const same = known !== undefined && sameEndpoint(known, endpoint);
      after.set(endpoint.id, same ? known : endpoint);
      changed ||= !same;
    }
    this.#byId = after;
    this.#list = undefined;
    return changed || after.size !== before.size;
  }

  #edit<T>(items: readonly T[], edit: (item: T) => boolean): boolean {
    let changed = false;
    for (const item of items) if (edit(item)) changed = true;
    if (changed) this.#list = undefined;
    return changed;
  }

  #set(endpoint: Endpoint): boolean {
    const known = this.#byId.get(endpoint.id);
    if (known !== undefined && sameEndpoint(known, endpoint)) return false;
    this.#byId.set(endpoint.id, endpoint);
    return true;
  }
}

/** How one list turns into another: the ids to delete, and the endpoints to set. */
interface Difference {
  readonly gone: readonly string[];
  readonly others: readonly Endpoint[];
}

/** Undefined unless the endpoints that stay keep their order and new ones come last, which is the order that a Map would have. */
function difference(
  before: readonly Endpoint[],
  after: readonly Endpoint[],
  known: ReadonlyMap<string, Endpoint>,
): Difference | undefined {
  const gone: string[] = [];
  const others: Endpoint[] = [];
  let at = 0;
  for (const endpoint of before) {
    const other = after[at];
    if (other === endpoint) at += 1;
    else if (other?.id === endpoint.id) others.push(after[at++]!);
    else gone.push(endpoint.id);
  }
  for (; at < after.length; at++) {
    if (known.has(after[at]!.id)) return undefined;
    others.push(after[at]!);
  }
  return { gone, others };
}
