import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OPTION_TABLE } from '../packages/client/src/options/option-table.ts';
import { rows } from './promises/rows.mjs';

const text = readFileSync(new URL('../docs/failure-modes.md', import.meta.url), 'utf8');
/** The cells of the tables' lines. */
const lines = [...text.matchAll(/^\| (?!fault |---)(.*) \|$/gm)].map(([, line]) =>
  line!.split('|').map((cell) => cell.trim()),
);

test('every promise that docs/failure-modes.md names is played', () => {
  const named = lines.flatMap(([, , , , promise]) => promise!.split(', ').filter((id) => id !== ''));
  expect(named.length).toBeGreaterThan(15);
  const ids = new Set(rows.map(({ id }) => id));
  expect(named.filter((id) => !ids.has(id))).toEqual([]);
});

test('every setting that docs/failure-modes.md names is an option, with that default', () => {
  const named = lines.flatMap(([, , , settings]) => [...settings!.matchAll(/`([\w.]+)`(?: ([\d. ]+))?/g)]);
  expect(named.length).toBeGreaterThan(20);
  const wrong = named.filter(([, name, said]) => {
    const row = (OPTION_TABLE as Readonly<Record<string, { readonly default?: unknown }>>)[name!];
    return row === undefined || (said !== undefined && Number(said.replaceAll(' ', '')) !== row.default);
  });
  expect(wrong.map(([all]) => all)).toEqual([]);
});
