import { load } from './late/yaml.ts';
import { YamlValues } from './yaml-values.ts';

type Yaml = typeof import('yaml');
type Token = import('yaml').CST.Token;

let library: Yaml | undefined;

/** Deeper documents are not read: YAML's parser recurses, and at the end of the stack V8 ends the process. */
const MAX_DEPTH = 64;

/**
 * Parses YAML, of which JSON is a part, with the merge keys (`<<`) of YAML 1.1. Throws an Error with the line; its message quotes
 * the text. The parser takes 20 ms to load, and most processes read no YAML: it is loaded for the first text, at once, because
 * some callers are synchronous.
 */
export function parseYaml(given: string): unknown {
  const text = withoutMark(given);
  try {
    library ??= load();
  } catch {
    return withoutParser(text);
  }
  checkDepth(text, library);
  // Keys that are not text cost the cube of their depth, and the parser compares each key with each to find equal ones.
  const document = library.parseDocument(text, { stringKeys: true, uniqueKeys: false });
  if (document.errors.length > 0) throw document.errors[0];
  return new YamlValues(library, MAX_DEPTH).of(document.contents);
}

/** Removes the byte order mark of Windows editors. Throws for text that was not UTF-8, as far as that can be seen. */
export function withoutMark(text: string): string {
  // These characters appear when UTF-16's byte order mark or its zero bytes are decoded as UTF-8.
  if (/^(\uFFFD\uFFFD|[^\0]{0,3}\0)/.test(text)) throw new Error('it is UTF-16: save it as UTF-8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** A bundle may leave the package out; then only JSON can be read. */
function withoutParser(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(
      `it is not JSON (${why}), and the package 'yaml', which reads YAML, cannot be loaded: bundle it, or install it beside the bundle`,
    );
  }
}

/** Checks the depth without recursion, on tokens that the parser also makes without recursion. */
function checkDepth(text: string, { Parser }: Yaml): void {
  const left: { readonly token: Token; readonly depth: number }[] = [];
  for (const document of new Parser().parse(text)) {
    left.push({ token: document, depth: 0 });
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (next.depth > MAX_DEPTH) throw new Error(`it is nested deeper than ${MAX_DEPTH} levels`);
      for (const token of childrenOf(next.token)) left.push({ token, depth: next.depth + 1 });
    }
  }
}

function* childrenOf(token: Token): Generator<Token> {
  if ('value' in token && token.value) yield token.value;
  if (!('items' in token)) return;
  for (const { key, value } of token.items) {
    if (key) yield key;
    if (value) yield value;
  }
}
