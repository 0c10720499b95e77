import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));
const EXPORTS = /^export (?:type )?\{([^}]*)\} from '(\.[^']+)';/gm;
const MEMBER = /^ {2}(?:readonly )?[\w[\]'-]+\??[(:<]/;

/** What an index exports from the package's own files: the file, and the name that it has there. */
function exportsOf(directory: string, index: string): [file: string, name: string][] {
  const text = readFileSync(join(directory, index), 'utf8');
  return [...text.matchAll(EXPORTS)].flatMap(([, names, from]) =>
    names!
      .split(',')
      .map(
        (name) =>
          name
            .trim()
            .replace(/^type /, '')
            .split(' as ')[0]!,
      )
      .filter((name) => name !== '')
      .map((name): [string, string] => [normalize(join(directory, index, '..', from!)), name]),
  );
}

/** The lines of a declaration's body, with the one before each. */
function members(text: string, from: number): string[] {
  const body = text.slice(from, text.indexOf('\n}', from)).split('\n');
  return body.filter((line, i) => MEMBER.test(line) && !/(\*\/|^\s*\/\/.*)$/.test(body[i - 1]!));
}

test.each(readdirSync(packages))(
  'every exported symbol of %s, and every member of its types, is documented',
  (name) => {
    const without: string[] = [];
    for (const [file, symbol] of exportsOf(join(packages, name), 'src/index.ts')) {
      const text = readFileSync(file, 'utf8');
      const declared = new RegExp(
        `^export (?:abstract )?(?:async )?(function\\*?|class|interface|type|const) ${symbol}\\b`,
        'm',
      ).exec(text);
      if (declared === null) continue;
      const before = text
        .slice(0, declared.index)
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('// biome-ignore'));
      if (!before.at(-1)?.endsWith('*/')) without.push(`${file}: ${symbol}`);
      if (declared[1] === 'interface')
        for (const line of members(text, declared.index)) without.push(`${file}: ${symbol}: ${line.trim()}`);
    }
    expect(without).toEqual([]);
  },
);
