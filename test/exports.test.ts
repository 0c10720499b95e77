import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));
const record = fileURLToPath(new URL('exports.txt', import.meta.url));
/** Writes the record anew, instead of comparing with it. */
const RECORD = process.env.PODWIRE_RECORD === 'exports';
const ADVICE = `The exports of the packages are not those of test/exports.txt. When that is intended, record them anew:
PODWIRE_RECORD=exports npx vitest run --project together test/exports.test.ts`;

interface Entry {
  /** As users import it: `podwire`, `@podwire/core/testing`. */
  readonly specifier: string;
  readonly index: string;
}

interface Export {
  readonly name: string;
  readonly kind: 'value' | 'type';
}

const entries: readonly Entry[] = readdirSync(packages).flatMap((directory) => {
  const { name, exports } = JSON.parse(readFileSync(join(packages, directory, 'package.json'), 'utf8'));
  return Object.entries<string | object>(exports)
    .filter(([, target]) => typeof target !== 'string')
    .map(([entry]) => ({
      specifier: join(name, entry),
      index: join(packages, directory, 'src', entry, 'index.ts'),
    }));
});

/**
 * What an index exports, by name. With `isolatedModules` each type says that it is one. An index names all that it exports:
 * anything else is refused here, so that nothing is exported without being recorded.
 */
function exportsOf({ index }: Entry): Export[] {
  return parseAst(readFileSync(index, 'utf8'), { lang: 'ts' }).body.flatMap((statement) => {
    if (statement.type === 'ImportDeclaration') return [];
    if (statement.type !== 'ExportNamedDeclaration' || statement.declaration !== null)
      throw new Error(`${index} may only have "import" and "export { … }", not a ${statement.type}`);
    return statement.specifiers.map(({ exported, exportKind }): Export => {
      const isType = statement.exportKind === 'type' || exportKind === 'type';
      return {
        name: exported.type === 'Literal' ? exported.value : exported.name,
        kind: isType ? 'type' : 'value',
      };
    });
  });
}

/** One line for each export: what a change of it looks like in a review. */
function lines(): string[] {
  const all = entries.flatMap((entry) =>
    exportsOf(entry).map(({ name, kind }) => `${entry.specifier} ${kind} ${name}`),
  );
  return all.sort();
}

test('the packages export what is recorded', () => {
  const now = lines();
  if (RECORD) writeFileSync(record, `${now.join('\n')}\n`);
  const recorded = readFileSync(record, 'utf8').trimEnd().split('\n');
  const difference = {
    added: now.filter((line) => !recorded.includes(line)),
    removed: recorded.filter((line) => !now.includes(line)),
  };
  expect(difference, ADVICE).toEqual({ added: [], removed: [] });
  expect(now, ADVICE).toEqual(recorded);
});

test.each(entries)('the values among them are those that $specifier has when it runs', async (entry) => {
  const values = exportsOf(entry).filter(({ kind }) => kind === 'value');
  const names = Object.keys(await import(entry.specifier));
  expect(values.map(({ name }) => name).sort()).toEqual(names.sort());
});
