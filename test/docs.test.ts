import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseYaml } from '@podwire/registry';
import { configSchema, createPodwire } from 'podwire';
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
    compilerOptions: { noUnusedLocals: false, paths: {} },
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

test('no block closes at once what it makes for others to use', () => {
  // At the top level of a module, `await using` ends with the module.
  expect(blocks('ts').filter(({ text }) => /^await using /m.test(text))).toEqual([]);
});

test('every config in the documentation is taken', async () => {
  const all = blocks('yaml');
  expect(all.length).toBeGreaterThan(0);
  for (const { text } of all) await createPodwire(parseYaml(text) as never).close({ graceMs: 0 });
});

const texts = [...documents, 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/kubernetes/README.md'].map(
  (path) => ({
    path,
    text: readFileSync(join(root, path), 'utf8'),
  }),
);

/** As GitHub makes them of headings. */
function anchors(path: string): string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text]) =>
    text!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test.each(texts)(
  'every link within the repository, and every file named, is there: $path',
  ({ path, text }) => {
    const missing: string[] = [];
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link!)) continue;
      const [file = '', anchor] = link!.split('#');
      const target = file === '' ? join(root, path) : join(root, dirname(path), file);
      if (!existsSync(target) || (anchor !== undefined && !anchors(target).includes(anchor)))
        missing.push(link!);
    }
    for (const [, file] of text.matchAll(
      /(?<![\w./-])((?:test|bench|packages|examples|\.ci)\/[\w./-]*\w)(?![\w/.*<-])/g,
    ))
      if (
        !existsSync(join(root, file!)) &&
        !existsSync(join(root, `${file}.test.ts`)) &&
        !file!.startsWith('bench/results')
      )
        missing.push(file!);
    expect(missing).toEqual([]);
  },
);

test('the documented options are those of the code', () => {
  const { defaults } = configSchema().properties as { defaults: { properties: Record<string, object> } };
  const names = Object.keys(defaults.properties);
  const text = readFileSync(join(root, 'docs/options.md'), 'utf8');
  const rows = [...text.split('\n## ')[0]!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  // These are code, which no JSON has.
  expect(rows.sort()).toEqual(
    [...names.filter((name) => !name.startsWith('grpc')), 'registries', 'callCredentials'].sort(),
  );
  const servers = /^grpc\.(max_c|server_|http2\.)/;
  const grpc = names.filter((name) => name.startsWith('grpc') && !servers.test(name));
  const documented = [...text.matchAll(/`(grpc(?:-node)?\.[\w.]+)`/g)].map(([, name]) => name);
  expect(documented.sort()).toEqual(grpc.sort());
});

/** The fields that an interface declares, those of types within it included. */
function fieldsOf(file: string, name: string): string[] {
  const source = readFileSync(join(root, 'packages', file), 'utf8');
  const body = source.split(`export interface ${name} {`)[1]!.split('\n}')[0]!;
  const declared = body.replace(/\/\*.*?\*\//gs, '').matchAll(/^\s*(?:readonly )?(\w+)\??: /gm);
  return [...declared].map(([, field]) => field!);
}

test.each([
  ['docs/state.md', 'client/src/channel/snapshot.ts', 'ChannelSnapshot'],
  ['docs/state.md', 'client/src/channel/snapshot.ts', 'PodSnapshot'],
  ['docs/state.md', 'client/src/channel/events.ts', 'ChannelEvents'],
  ['docs/options.md', 'client/src/options/channel-options.ts', 'TlsConfig'],
  ['docs/registries.md', 'registry/src/dns/dns-registry.ts', 'DnsRegistryOptions'],
  ['docs/registries.md', 'registry/src/file/file-registry.ts', 'FileRegistryOptions'],
  ['docs/registries.md', 'registry/src/file/file-announcer.ts', 'FileAnnouncerOptions'],
  ['docs/registries.md', 'registry/src/file/lease.ts', 'Lease'],
  ['docs/registries.md', 'registry/src/endpoint.ts', 'EndpointInput'],
])('%s names every field of %s %s', (document, file, name) => {
  const text = readFileSync(join(root, document), 'utf8');
  // What code alone has.
  const passedIn = ['clock', 'random', 'resolver', 'endpoint'];
  const fields = fieldsOf(file, name).filter((field) => !passedIn.includes(field));
  expect(fields.length).toBeGreaterThan(0);
  expect(fields.filter((field) => !new RegExp(`[\`.]${field}\\b`).test(text))).toEqual([]);
});

test('CONTRIBUTING lists every package, and every folder of the larger ones', () => {
  const layout = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').split('\n## ')[1]!;
  const folders = (path: string) =>
    readdirSync(join(root, path), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const wanted = [
    ...folders('packages').map(({ name }) => `packages/${name}/`),
    ...['client', 'http2'].flatMap((name) => folders(`packages/${name}/src`)).map(({ name }) => `  ${name}/`),
    ...['.ci/', 'bench/', 'docs/', 'examples/', 'test/'].map((name) => `\n${name}`),
  ];
  expect(wanted.filter((name) => !layout.includes(name))).toEqual([]);
});
