import type { ApiClient } from './api/client.ts';
import { KubernetesError } from './api/error.ts';
import { type Listing, list, type ServiceKey } from './api/list.ts';
import { MAX_MEMBERS } from './slices/read.ts';
import { ENDPOINT_SLICES, ENDPOINTS, nameOf, type Resource, readObject, uidOf } from './slices/resource.ts';
import type { ServiceObject } from './slices/service-object.ts';

/** The most objects of one service. With 100 Pods in each, as the controller fills slices, that is ten times the Pods that podwire uses. */
export const MAX_OBJECTS = 10_000;
/** How many unusable objects messages name; a real API server sends hardly any. */
const MAX_NAMED = 20;

/** The latest state of one service's objects, with bounded memory whatever the API server sends. */
export class Mirror {
  readonly resource: Resource;
  readonly #service: ServiceKey;
  readonly #previous: (name: string) => ServiceObject | undefined;
  readonly #objects = new Map<string, ServiceObject>();
  readonly #unusable: string[] = [];
  readonly #strays: string[] = [];
  #members = 0;
  #over = 0;

  /** Objects that `before` has in the same version are not read again. */
  constructor(resource: Resource, service: ServiceKey, before?: Mirror) {
    this.resource = resource;
    this.#service = service;
    this.#previous = (name) => this.#objects.get(name) ?? before?.get(name);
  }

  get size(): number {
    return this.#objects.size;
  }

  get objects(): Iterable<ServiceObject> {
    return this.#objects.values();
  }

  /** Messages about listed items that could not be used as objects at all. */
  get unusable(): readonly string[] {
    const { plural } = this.resource;
    return this.#over === 0
      ? this.#unusable
      : [...this.#unusable, `${plural}: ${this.#over} more than the limit of ${MAX_OBJECTS} objects`];
  }

  /** The same for changes since the list. They do not mean that a Pod is missing. */
  get strays(): readonly string[] {
    return this.#strays;
  }

  get(name: string): ServiceObject | undefined {
    return this.#objects.get(name);
  }

  /** Whether it has the same objects in the same versions. */
  isLike(other: Mirror): boolean {
    if (this.resource !== other.resource || this.size !== other.size) return false;
    for (const { name, uid, resourceVersion } of this.objects) {
      const known = other.get(name);
      if (known === undefined || known.uid !== uid || known.resourceVersion !== resourceVersion) return false;
    }
    return this.unusable.join() === other.unusable.join();
  }

  /** Adds an object that the API server listed. */
  put(object: unknown): void {
    const unusable = this.#put(object);
    if (unusable !== undefined && this.#unusable.length < MAX_NAMED) this.#unusable.push(unusable);
  }

  /** Applies a change since the list. */
  change(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: unknown): void {
    if (type === 'DELETED') return this.#delete(object);
    const stray = this.#put(object);
    if (stray === undefined) return;
    if (this.#strays.length === MAX_NAMED) this.#strays.shift();
    this.#strays.push(stray);
    // If we knew this object, it no longer belongs to the service.
    this.#delete(object);
  }

  /** Adds an object; returns why it could not be used, if it could not. */
  #put(object: unknown): string | undefined {
    const read = readObject(this.resource, object, this.#service, this.#previous);
    if ('unusable' in read) return read.unusable;
    const known = this.#objects.get(read.name);
    if (known === undefined && this.#objects.size >= MAX_OBJECTS) {
      this.#over += 1;
      return undefined;
    }
    this.#members -= membersOf(known);
    const fits = this.#members < MAX_MEMBERS;
    this.#objects.set(read.name, fits ? read : withoutMembers(read, this.resource));
    if (fits) this.#members += membersOf(read);
    return undefined;
  }

  #delete(object: unknown): void {
    const name = nameOf(object);
    const known = name === undefined ? undefined : this.#objects.get(name);
    if (known === undefined) return;
    const uid = uidOf(object);
    // The deletion is of another object of that name: of another namespace, or an earlier one.
    if (uid !== '' && known.uid !== '' && uid !== known.uid) return;
    this.#members -= membersOf(known);
    this.#objects.delete(known.name);
  }
}

function membersOf(object: ServiceObject | undefined): number {
  return object?.slices.reduce((sum, { members }) => sum + members.length, 0) ?? 0;
}

function withoutMembers(object: ServiceObject, { plural }: Resource): ServiceObject {
  const said = `${plural}/${object.name}: ${membersOf(object)} endpoints more than the limit of ${MAX_MEMBERS}`;
  return { ...object, slices: [], dropped: [said] };
}

/** Lists EndpointSlices; where the server has none (before 1.21), Endpoints. Throws {@link KubernetesError}. */
export async function listMirror(
  client: ApiClient,
  service: ServiceKey,
  before: Mirror,
  signal: AbortSignal,
): Promise<Listing<Mirror>> {
  const of = (resource: Resource) => {
    const known = before.resource === resource ? before : undefined;
    return list(client, resource, service, signal, () => new Mirror(resource, service, known));
  };
  try {
    return await of(ENDPOINT_SLICES);
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.status !== 404) throw error;
    return await of(ENDPOINTS);
  }
}
