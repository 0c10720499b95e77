import type { ServiceKey } from './api/list.ts';
import { MAX_MEMBERS } from './slices/read.ts';
import { nameOf, type Resource, readObject, uidOf } from './slices/resource.ts';
import type { ServiceObject } from './slices/service-object.ts';

/** A hundred Pods each, as the controller fills them, are ten times more than are used of one service. */
export const MAX_OBJECTS = 10_000;
/** Named; a server that says more of them is no API server. */
const MAX_UNUSABLE = 20;

/** The objects of one service as the API server told them last; whatever it tells, memory stays bounded. */
export class Mirror {
  readonly resource: Resource;
  readonly #service: ServiceKey;
  readonly #previous: (name: string) => ServiceObject | undefined;
  readonly #objects = new Map<string, ServiceObject>();
  readonly #unusable: string[] = [];
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

  /** What could not be used as an object at all. */
  get unusable(): readonly string[] {
    const { plural } = this.resource;
    return this.#over === 0
      ? this.#unusable
      : [...this.#unusable, `${plural}: ${this.#over} more than the limit of ${MAX_OBJECTS} objects`];
  }

  get(name: string): ServiceObject | undefined {
    return this.#objects.get(name);
  }

  /** Takes in what the API server says that there is. */
  put(object: unknown): void {
    const read = readObject(this.resource, object, this.#service, this.#previous);
    if ('unusable' in read) {
      if (this.#unusable.length === MAX_UNUSABLE) this.#unusable.shift();
      this.#unusable.push(read.unusable);
      // One that was ours is so no more.
      this.delete(object);
      return;
    }
    const known = this.#objects.get(read.name);
    if (known === undefined && this.#objects.size >= MAX_OBJECTS) {
      this.#over += 1;
      return;
    }
    this.#members -= membersOf(known);
    const fits = this.#members < MAX_MEMBERS;
    this.#objects.set(read.name, fits ? read : withoutMembers(read, this.resource));
    if (fits) this.#members += membersOf(read);
  }

  /** Takes away what the API server says is gone. */
  delete(object: unknown): void {
    const name = nameOf(object);
    const known = name === undefined ? undefined : this.#objects.get(name);
    if (known === undefined) return;
    const uid = uidOf(object);
    // Another one of that name: in another namespace, or before this one.
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
