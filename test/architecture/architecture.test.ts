import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readImports, withoutImplied } from './imports.ts';
import { architectureSvg } from './picture.ts';

const packages = fileURLToPath(new URL('../../packages', import.meta.url));
const picture = fileURLToPath(new URL('../../docs/architecture.svg', import.meta.url));
const document = fileURLToPath(new URL('../../docs/architecture.md', import.meta.url));
/** Draws the picture anew, instead of comparing with it. */
const RECORD = process.env.PODWIRE_RECORD === 'architecture';
const ADVICE = `docs/architecture.svg does not show the imports as they are. Draw it anew, and read docs/architecture.md:
PODWIRE_RECORD=architecture npx vitest run --project together test/architecture/architecture.test.ts`;

test('the picture in the documentation shows the imports as they are', () => {
  const drawn = architectureSvg(packages);
  if (RECORD) writeFileSync(picture, drawn);
  expect(readFileSync(picture, 'utf8') === drawn, ADVICE).toBe(true);
});

test('an import that others imply is left out, and a circle is an error', () => {
  const chain = new Map([
    ['a', new Set(['b', 'c'])],
    ['b', new Set(['c'])],
    ['c', new Set<string>()],
  ]);
  expect([...withoutImplied(chain).get('a')!]).toEqual(['b']);
  const circle = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['a'])],
  ]);
  expect(() => withoutImplied(circle)).toThrow('imports lead in a circle: b → a → b');
});

test('the picture knows every package, and every folder of the client', () => {
  const names = [...readImports(packages).keys()];
  for (const name of ['core', 'provider', 'client/call', 'client/cluster', 'client/index.ts'])
    expect(names).toContain(name);
});

test('every file and folder that the document names is there', () => {
  const bases = [packages, join(packages, 'client/src'), join(packages, '..')];
  const named = [...readFileSync(document, 'utf8').matchAll(/`([\w.-]+\/[\w./-]*|[\w.-]+\.ts)`/g)];
  const paths = named.map(([, path]) => path!).filter((path) => path !== 'index.ts');
  expect(paths.length).toBeGreaterThan(50);
  expect(paths.filter((path) => !bases.some((base) => existsSync(join(base, path))))).toEqual([]);
});
