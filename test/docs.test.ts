import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseYaml } from '@podwire/registry';
import { createPodwire } from 'podwire';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
/** In reach of the workspace's node_modules, so that the packages are seen as their users see them: by their exports. */
const dir = join(root, '.cache', 'docs');

const inFolder = (folder: string) => readdirSync(join(root, folder)).map((name) => join(folder, name));
const documents = [
  'README.md',
  ...inFolder('docs').filter((path) => path.endsWith('.md')),
  ...inFolder('packages').map((path) => join(path, 'README.md')),
];

/** The code blocks in `language`, each with where it stands. */
function blocks(language: string) {
  return documents.flatMap((path) =>
    [...readFileSync(join(root, path), 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gms)]
      .filter((match) => match[1] === language)
      .map((match, i) => ({ name: `${path.replaceAll('/', '_')}_${i}`, text: match[2]! })),
  );
}

beforeAll(() => {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(join(dir, 'blocks'), { recursive: true });
  // What the blocks have beside them: code that a generator made, and for docs/testing.md the tests' servers.
  symlinkSync(join(root, 'test', 'servers'), join(dir, 'servers'));
  const generated = '../../../test/generated/orders-ts-proto.ts';
  writeFileSync(
    join(dir, 'blocks', 'orders.ts'),
    `import type { OrdersServer } from '${generated}';\n` +
      `export { OrdersClient, OrdersService } from '${generated}';\n` +
      'export declare const implementation: OrdersServer;\n',
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('every block of TypeScript in the documentation stands by itself and fits the packages', async () => {
  const all = blocks('ts');
  expect(all.length).toBeGreaterThan(10);
  for (const { name, text } of all) writeFileSync(join(dir, 'blocks', `${name}.ts`), text);
  const tsconfig = {
    extends: '../../tsconfig.test.json',
    compilerOptions: { noUnusedLocals: false },
    include: ['blocks/*.ts'],
  };
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(tsconfig));
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const said = await promisify(execFile)(tsc, ['-p', dir, '--pretty', 'false']).then(
    () => '',
    (error) => error.stdout as string,
  );
  expect(said).toBe('');
});

test('every config in the documentation is taken', async () => {
  const all = blocks('yaml');
  expect(all.length).toBeGreaterThan(0);
  for (const { text } of all) await createPodwire(parseYaml(text) as never).close({ graceMs: 0 });
});
