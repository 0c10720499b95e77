type Yaml = typeof import('yaml');
type YamlNode = import('yaml').Node;
type YamlMap = import('yaml').YAMLMap;

/** The most values of a document, each alias counted with all that it stands for. */
const MAX_VALUES = 1_000_000;

/** A value, and how large it is when each alias in it stands for what it names. */
interface Sized {
  readonly value: unknown;
  readonly values: number;
  readonly depth: number;
}

/**
 * Turns a document's nodes into values. An alias yields the same object again. The number of aliases is not limited, but the size
 * to which they expand the document is: a walk through the values visits each alias's target every time, and a few lines can make
 * billions of visits. The parser's own `toJS` limits the number of uses instead, and takes time in its square.
 */
export class YamlValues {
  readonly #yaml: Yaml;
  readonly #maxDepth: number;
  /** The values of earlier anchors; undefined while an anchor's own value is being made. */
  readonly #anchors = new Map<string, Sized | undefined>();

  constructor(yaml: Yaml, maxDepth: number) {
    this.#yaml = yaml;
    this.#maxDepth = maxDepth;
  }

  /** Throws an Error that names the alias or key that is wrong. */
  of(node: unknown): unknown {
    return this.#make(node).value;
  }

  #make(node: unknown): Sized {
    if (this.#yaml.isAlias(node)) return this.#named(node.source);
    const anchor = (node as YamlNode | null)?.anchor;
    if (anchor === undefined) return this.#makeNew(node);
    this.#anchors.set(anchor, undefined);
    const made = this.#makeNew(node);
    this.#anchors.set(anchor, made);
    return made;
  }

  #named(source: string): Sized {
    const named = this.#anchors.get(source);
    if (named !== undefined) return named;
    const rule = this.#anchors.has(source)
      ? 'stands in what it names'
      : 'names nothing that stands before it';
    throw new Error(`the alias *${source} ${rule}`);
  }

  #makeNew(node: unknown): Sized {
    const { isMap, isScalar, isSeq } = this.#yaml;
    if (isSeq(node)) return this.#list(node.items);
    if (isMap(node)) return this.#object(node);
    return { value: isScalar(node) ? node.value : null, values: 1, depth: 0 };
  }

  #list(items: readonly unknown[]): Sized {
    const size = new Size(this.#maxDepth);
    return size.of(items.map((item) => size.take(this.#make(item))));
  }

  #object({ items }: YamlMap): Sized {
    const size = new Size(this.#maxDepth);
    const object: Record<string, unknown> = {};
    const merged: unknown[] = [];
    for (const { key, value } of items) {
      const name = String(this.#make(key).value);
      const made = size.take(this.#make(value));
      if (this.#isMerge(key)) merged.push(made);
      else if (Object.hasOwn(object, name))
        throw new Error(`the key ${JSON.stringify(name)} stands twice in one map`);
      else put(object, name, made);
    }
    for (const source of merged) merge(object, source);
    return size.of(object);
  }

  /** `<<` without quotes (https://yaml.org/type/merge.html). */
  #isMerge(key: unknown): boolean {
    return this.#yaml.isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
  }
}

/** Adds up the size of a list or an object; throws when it is over a limit. */
class Size {
  readonly #maxDepth: number;
  #values = 1;
  #depth = 0;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  take({ value, values, depth }: Sized): unknown {
    this.#values += values;
    this.#depth = Math.max(this.#depth, depth + 1);
    if (this.#values > MAX_VALUES) throw new Error(`its aliases make more than ${MAX_VALUES} values of it`);
    if (this.#depth > this.#maxDepth) throw new Error(`it is nested deeper than ${this.#maxDepth} levels`);
    return value;
  }

  of(value: unknown): Sized {
    return { value, values: this.#values, depth: this.#depth };
  }
}

/** Adds the missing keys of one object, or of a list of objects: the map's own keys win, then earlier objects. */
function merge(into: Record<string, unknown>, source: unknown): void {
  for (const from of Array.isArray(source) ? source : [source]) {
    if (typeof from !== 'object' || from === null || Array.isArray(from))
      throw new Error("the merge key '<<' needs a map, or a list of maps");
    for (const [name, value] of Object.entries(from)) if (!Object.hasOwn(into, name)) put(into, name, value);
  }
}

/** Sets a key; one such as `__proto__` is treated like any other. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}
