// Declarations for both formats from those that tsc wrote: an ES module may import CommonJS but not the other way round, so that they
// are CommonJS (.d.cts), and an entry's .d.ts names its .d.cts. A class is one type then, however a program's files import it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const RELATIVE = /((?:from |import |import\()['"]\.{1,2}\/[^'"]+)\.[jt]s(?=['"])/g;

/** Writes what the entries reach, and no more: returns the names of the files. */
export function writeDeclarations(directory, entries) {
  const written = [];
  const write = (file, text) => {
    const path = join(directory, 'dist', file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    written.push(file);
  };
  const left = [...entries];
  const seen = new Set(left);
  for (let module = left.pop(); module !== undefined; module = left.pop()) {
    const from = join(directory, 'types', `${module}.d.ts`);
    const text = readFileSync(from, 'utf8');
    write(`${module}.d.cts`, text.replace(RELATIVE, '$1.cjs').replace(/\.d\.ts\.map$/m, '.d.cts.map'));
    if (existsSync(`${from}.map`)) write(`${module}.d.cts.map`, readFileSync(`${from}.map`, 'utf8'));
    for (const [, specifier] of text.matchAll(/['"](\.{1,2}\/[^'"]+)\.[jt]s['"]/g)) {
      const next = join(dirname(module), specifier);
      if (!seen.has(next)) left.push(next);
      seen.add(next);
    }
  }
  for (const entry of entries) {
    const name = entry.slice(entry.lastIndexOf('/') + 1);
    write(`${entry}.d.ts`, `export * from './${name}.cjs';\n`);
  }
  return written;
}
