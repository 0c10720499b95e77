/** An object of the API, as far as the fake server cares. */
export interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [key: string]: unknown;
}

export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
  readonly version: number;
}

export interface Draft {
  readonly name: string;
  readonly namespace?: string;
  readonly service?: string;
  readonly [key: string]: unknown;
}

/** The fake server's etcd: objects, one version for all of them, and the changes since a compaction. */
export class FakeStore {
  version = 100;
  /** Changes up to this version are forgotten. */
  compacted = 0;
  readonly objects = new Map<string, StoredObject>();
  readonly events: StoredEvent[] = [];
  #uids = 0;
  readonly #listeners = new Set<(event: StoredEvent) => void>();

  put({ name, namespace = 'prod', service = 'orders', ...rest }: Draft): StoredObject {
    this.version += 1;
    const known = this.objects.get(`${namespace}/${name}`);
    const uid = known?.metadata.uid ?? `uid-${this.version}-${this.#uids++}`;
    const labels = { 'kubernetes.io/service-name': service };
    const object = {
      ...rest,
      metadata: { name, namespace, uid, resourceVersion: String(this.version), labels },
    };
    this.objects.set(`${namespace}/${name}`, object);
    this.#tell({ type: known === undefined ? 'ADDED' : 'MODIFIED', object, version: this.version });
    return object;
  }

  remove(name: string, namespace = 'prod'): void {
    const known = this.objects.get(`${namespace}/${name}`);
    if (known === undefined) return;
    this.version += 1;
    this.objects.delete(`${namespace}/${name}`);
    const metadata = { ...known.metadata, resourceVersion: String(this.version) };
    this.#tell({ type: 'DELETED', object: { ...known, metadata }, version: this.version });
  }

  /** Deletes everything; versions begin again. */
  wipe(): void {
    this.objects.clear();
    this.events.length = 0;
    this.version = 1;
    this.compacted = 0;
  }

  compact(): void {
    this.compacted = this.version;
  }

  onEvent(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(event: StoredEvent): void {
    this.events.push(event);
    for (const listener of this.#listeners) listener(event);
  }
}
