/** Values by key, such as the settings that they were made of. Only users of a value keep it alive: without users it is forgotten. */
export class SharedByKey<T extends object> {
  readonly #values = new Map<string, WeakRef<T>>();

  /** The value of `key`; when no user has it any more, what `make` returns. */
  get(key: string, make: () => T): T {
    const known = this.#values.get(key)?.deref();
    if (known !== undefined) return known;
    for (const [other, ref] of this.#values) if (ref.deref() === undefined) this.#values.delete(other);
    const made = make();
    this.#values.set(key, new WeakRef(made));
    return made;
  }
}
