import { load } from './late/yaml.ts';

type Yaml = typeof import('yaml');
type Token = import('yaml').CST.Token;

let library: Yaml | undefined;

/** Deeper documents are not read: YAML's parser recurses, and at the end of the stack V8 ends the process. */
const MAX_DEPTH = 64;

/**
 * Parses YAML, of which JSON is a part. Throws an Error with the line; its message quotes the text. The parser takes 20 ms to
 * load, and most processes read no YAML: it is loaded for the first text, at once, because some who read cannot wait.
 */
export function parseYaml(text: string): unknown {
  try {
    library ??= load();
  } catch {
    return withoutParser(text);
  }
  checkDepth(text, library);
  // Aliases can make a small document expand without bound, and keys that are no text cost the cube of their depth.
  return library.parse(text, { maxAliasCount: 100, stringKeys: true });
}

/** A bundle may leave the package out. JSON is what can be read then. */
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

/** Without recursion, over what the parser does without recursion. */
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
