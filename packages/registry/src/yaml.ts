import { createRequire } from 'node:module';

let parser: typeof import('yaml') | undefined;

/**
 * Parses YAML, of which JSON is a part. Throws an Error with the line; its message quotes the text. The parser takes 20 ms to
 * load, and most processes read no YAML: it is loaded for the first text, at once, because some who read cannot wait.
 */
export function parseYaml(text: string): unknown {
  parser ??= createRequire(import.meta.url)('yaml') as typeof import('yaml');
  // Aliases can make a small document expand without bound.
  return parser.parse(text, { maxAliasCount: 100 });
}
