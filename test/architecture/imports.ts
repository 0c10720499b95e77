import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What each package, and each folder of the client, imports from: names to names. */
export type Imports = ReadonlyMap<string, ReadonlySet<string>>;

/** The client's folders are shown one by one, and its files outside of folders together. */
export const INSIDE = 'client';
const FACE = `${INSIDE}/index.ts`;
const FILES = `${INSIDE}/env · reasons · process-ref`;

function nodeOf(name: string, path: string): string {
  if (name !== INSIDE) return name;
  const [folder = ''] = path.split('/');
  if (!folder.endsWith('.ts')) return `${name}/${folder}`;
  return folder === 'index.ts' ? FACE : FILES;
}

/** The node that a file's `from '…'` names; undefined for what is not ours. */
function target(name: string, src: string, file: string, from: string): string | undefined {
  if (from.startsWith('.')) return nodeOf(name, relative(src, join(file, '..', from)));
  if (from === 'podwire') return FACE;
  return from.startsWith('@podwire/') ? from.split('/')[1] : undefined;
}

/** Reads the imports of every source file below `packages`, but for tests and for what other packages' tests use. */
export function readImports(packages: string): Imports {
  const found = new Map<string, Set<string>>();
  for (const name of readdirSync(packages).sort()) {
    const src = join(packages, name, 'src');
    const entries = readdirSync(src, { recursive: true, withFileTypes: true });
    const files = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
    for (const file of files) {
      const path = relative(src, file);
      const isForTests = path.endsWith('.test.ts') || (name !== INSIDE && /(^|\/)testing\//.test(path));
      if (!path.endsWith('.ts') || isForTests) continue;
      const node = nodeOf(name, path);
      const to = found.get(node) ?? new Set();
      found.set(node, to);
      for (const [, from] of readFileSync(file, 'utf8').matchAll(/\bfrom '([^']+)';$/gm)) {
        const other = target(name, src, file, from!);
        if (other !== undefined && other !== node) to.add(other);
      }
    }
  }
  return found;
}

/** All that a node imports from, by way of others as well. Throws when the imports lead in a circle. */
function reachable(imports: Imports, from: string, way: readonly string[] = []): Set<string> {
  if (way.includes(from)) throw new Error(`imports lead in a circle: ${[...way, from].join(' → ')}`);
  const all = new Set<string>();
  for (const to of imports.get(from) ?? [])
    for (const one of [to, ...reachable(imports, to, [...way, from])]) all.add(one);
  return all;
}

/** The imports without those that others imply: of a → b → c and a → c, the second is left out. */
export function withoutImplied(imports: Imports): Imports {
  const left = new Map<string, Set<string>>();
  for (const [from, all] of imports) {
    const implied = new Set([...all].flatMap((to) => [...reachable(imports, to)]));
    left.set(from, new Set([...all].filter((to) => !implied.has(to)).sort()));
  }
  return left;
}
